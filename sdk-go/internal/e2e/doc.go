// Package e2e tests the SDK against a real master: DISCO_MASTER=http://localhost:8989 go test ./internal/e2e
package e2e
