package main

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

const (
	largestBody     = 64 << 10
	largestQuantity = 100
)

type order struct {
	ID       int    `json:"id"`
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
	Status   string `json:"status"`
}

type store struct {
	mu     sync.Mutex
	orders []order
}

func newStore() *store { return &store{} }

func (s *store) add(o order) order {
	s.mu.Lock()
	defer s.mu.Unlock()
	o.ID = len(s.orders) + 1
	o.Status = "accepted"
	s.orders = append(s.orders, o)
	return o
}

func (s *store) get(id int) (order, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id < 1 || id > len(s.orders) {
		return order{}, false
	}
	return s.orders[id-1], true
}

func newHandler(s *store) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok", "version": version})
	})
	mux.HandleFunc("/orders", func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			refuse(w, http.StatusMethodNotAllowed, "orders are placed with POST")
			return
		}
		var o order
		body := json.NewDecoder(http.MaxBytesReader(w, r.Body, largestBody))
		if err := body.Decode(&o); err != nil {
			refuse(w, http.StatusBadRequest, "the order is not valid JSON")
			return
		}
		if o.SKU == "" || o.Quantity < 1 || o.Quantity > largestQuantity {
			refuse(w, http.StatusUnprocessableEntity, "an order needs a sku and a quantity from 1 to "+strconv.Itoa(largestQuantity))
			return
		}
		answer(w, http.StatusCreated, s.add(o))
	})
	mux.HandleFunc("/orders/", func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/orders/"))
		o, found := s.get(id)
		if err != nil || !found {
			refuse(w, http.StatusNotFound, "there is no such order")
			return
		}
		answer(w, http.StatusOK, o)
	})
	return mux
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The status line is sent already, so a failed write has nobody left to be told.
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, reason string) {
	answer(w, status, map[string]string{"error": reason})
}
