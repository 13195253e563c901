// Command orders keeps the orders of the shop in memory and serves them over HTTP.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// version is set by the linker, see the Dockerfile.
var version = "dev"

func main() {
	listen := flag.String("listen", ":8080", "address to serve on")
	check := flag.Bool("self-test", false, "serve on a free port, place an order, read it back and exit")
	health := flag.Bool("health", false, "ask the service that runs on the listen address whether it is well")
	flag.Parse()

	var err error
	switch {
	case *check:
		err = selfTest()
	case *health:
		err = probe(*listen)
	default:
		err = serve(*listen)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func newServer() *http.Server {
	return &http.Server{
		Handler:           newHandler(newStore()),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
	}
}

// serve runs until the process is told to stop, then lets open requests finish.
func serve(address string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := newServer()
	drained := make(chan error, 1)
	go func() {
		<-ctx.Done()
		limit, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		drained <- server.Shutdown(limit)
	}()

	log.Printf("orders %s serves on %s", version, listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-drained
}

// probe is what the health check of the image calls: a scratch image has no shell and no curl.
func probe(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	client := http.Client{Timeout: 2 * time.Second}
	answer, err := client.Get("http://" + net.JoinHostPort("127.0.0.1", port) + "/healthz")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the service answered %s", answer.Status)
	}
	return nil
}
