package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
)

// selfTest proves that this very binary serves on the platform it was built for.
func selfTest() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := newServer()
	defer server.Close()
	go server.Serve(listener)

	if err := probe(listener.Addr().String()); err != nil {
		return fmt.Errorf("self-test: health: %w", err)
	}
	base := "http://" + listener.Addr().String()
	placed, err := http.Post(base+"/orders", "application/json", strings.NewReader(`{"sku":"mug","quantity":2}`))
	if err != nil {
		return fmt.Errorf("self-test: place: %w", err)
	}
	defer placed.Body.Close()
	if placed.StatusCode != http.StatusCreated {
		return fmt.Errorf("self-test: place: answered %s", placed.Status)
	}
	read, err := http.Get(base + "/orders/1")
	if err != nil {
		return fmt.Errorf("self-test: read back: %w", err)
	}
	defer read.Body.Close()
	var got order
	if err := json.NewDecoder(read.Body).Decode(&got); err != nil {
		return fmt.Errorf("self-test: read back: %w", err)
	}
	if want := (order{ID: 1, SKU: "mug", Quantity: 2, Status: "accepted"}); got != want {
		return fmt.Errorf("self-test: read back %+v, expected %+v", got, want)
	}
	fmt.Println("self-test passed")
	return nil
}
