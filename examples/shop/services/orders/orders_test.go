package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAnswers(t *testing.T) {
	handler := newHandler(newStore())
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		contains                 string
	}{
		{"health", "GET", "/healthz", "", http.StatusOK, `"status":"ok"`},
		{"nothing there yet", "GET", "/orders/1", "", http.StatusNotFound, "no such order"},
		{"placed", "POST", "/orders", `{"sku":"mug","quantity":2}`, http.StatusCreated, `"id":1`},
		{"read back", "GET", "/orders/1", "", http.StatusOK, `"sku":"mug"`},
		{"wrong method", "GET", "/orders", "", http.StatusMethodNotAllowed, "POST"},
		{"not JSON", "POST", "/orders", "mug", http.StatusBadRequest, "JSON"},
		{"no quantity", "POST", "/orders", `{"sku":"mug"}`, http.StatusUnprocessableEntity, "quantity"},
		{"not a number", "GET", "/orders/first", "", http.StatusNotFound, "no such order"},
	} {
		t.Run(c.name, func(t *testing.T) {
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, httptest.NewRequest(c.method, c.path, strings.NewReader(c.body)))
			if recorder.Code != c.status {
				t.Errorf("status %d, expected %d", recorder.Code, c.status)
			}
			if !strings.Contains(recorder.Body.String(), c.contains) {
				t.Errorf("body %q lacks %q", recorder.Body.String(), c.contains)
			}
		})
	}
}

func TestSelfTest(t *testing.T) {
	if err := selfTest(); err != nil {
		t.Fatal(err)
	}
}
