package localtemporal

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"callweave/internal/child"
)

// askTimeout bounds one question to a server that accepts connections but is not ready.
const askTimeout = 2 * time.Second

// awaitReady returns when the server can be used, with child.ErrExited when it has ended instead.
func (s *Server) awaitReady(ctx context.Context) error {
	ports := []int{s.cfg.Port}
	if s.cfg.UI {
		ports = append(ports, s.cfg.UIPort)
	}
	for _, port := range ports {
		// First a plain connection: gRPC would wait a second after the first refusal.
		addr := net.JoinHostPort(loopback, strconv.Itoa(port))
		if err := s.poll(ctx, func(ctx context.Context) error { return accepts(ctx, addr) }); err != nil {
			return err
		}
	}
	c, err := client.NewLazyClient(client.Options{HostPort: s.Address(), Logger: silent{}})
	if err != nil {
		return fmt.Errorf("create client: %w", err)
	}
	defer c.Close()
	return s.poll(ctx, func(ctx context.Context) error {
		_, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: s.cfg.Namespace})
		if err != nil {
			return fmt.Errorf("describe namespace %s: %w", s.cfg.Namespace, err)
		}
		return nil
	})
}

func accepts(ctx context.Context, addr string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp4", addr)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", addr, err)
	}
	_ = conn.Close() // it has answered
	return nil
}

// poll asks until the answer is good, the server ends or ctx does.
func (s *Server) poll(ctx context.Context, ask func(context.Context) error) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		askCtx, cancel := context.WithTimeout(ctx, askTimeout)
		err := ask(askCtx)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-s.process.Done():
			return fmt.Errorf("%w: %w", child.ErrExited, s.process.Err())
		case <-ctx.Done():
			return fmt.Errorf("wait for the server to answer: %w: %w", ctx.Err(), err)
		case <-ticker.C:
		}
	}
}

// silent drops what the client says about a server that is still starting.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
