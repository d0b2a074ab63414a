package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// An election of Vault's may be under way; what is written last must not be lost for it.
const vaultPatience = 60 * time.Second

// Vault is its key-value stores as the job's own token reaches them.
type Vault struct {
	address string
	token   string
	client  *http.Client
	// Patience is how long an answer that is none is asked for again.
	patience time.Duration
}

// Secret is an entry of a store, all fields texts.
type Secret map[string]string

func openVault(address, caFile, tokenFile string) (*Vault, error) {
	roots, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(roots) {
		return nil, fmt.Errorf("%s holds no certificate", caFile)
	}
	token, err := os.ReadFile(tokenFile)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	return &Vault{
		address:  strings.TrimSuffix(address, "/"),
		token:    strings.TrimSpace(string(token)),
		client:   &http.Client{Transport: transport, Timeout: 10 * time.Second},
		patience: vaultPatience,
	}, nil
}

// Versioned says whether a path of the API is one of a store of version 2.
func versioned(path string) bool {
	return len(strings.SplitN(path, "/data/", 2)) == 2
}

// Read gives an entry, and nil where there is none.
func (vault *Vault) read(path string) (Secret, error) {
	status, body, err := vault.ask(http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	if status == http.StatusNotFound {
		return nil, nil
	}
	var answer struct {
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("vault's answer about %s is not JSON", path)
	}
	data := answer.Data
	if versioned(path) {
		var inner struct {
			Data json.RawMessage `json:"data"`
		}
		if err := json.Unmarshal(data, &inner); err != nil {
			return nil, fmt.Errorf("vault's %s is not of a store of version 2", path)
		}
		data = inner.Data
	}
	secret := Secret{}
	if err := json.Unmarshal(data, &secret); err != nil {
		return nil, fmt.Errorf("vault's %s has fields that are no texts", path)
	}
	return secret, nil
}

// Write replaces an entry.
func (vault *Vault) write(path string, secret Secret) error {
	var body any = secret
	if versioned(path) {
		body = map[string]any{"data": secret}
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	status, _, err := vault.ask(http.MethodPut, path, text)
	if err == nil && status == http.StatusNotFound {
		err = fmt.Errorf("vault has no store for %s", path)
	}
	return err
}

// Asks until there is an answer, which is one that says neither "not now" nor "no".
func (vault *Vault) ask(method, path string, body []byte) (int, []byte, error) {
	for until := time.Now().Add(vault.patience); ; time.Sleep(time.Second) {
		status, answer, err := vault.once(method, path, body)
		switch {
		case err == nil && (status < 300 || status == http.StatusNotFound):
			return status, answer, nil
		case err == nil && status < 500 && status != http.StatusTooManyRequests:
			return 0, nil, fmt.Errorf("vault refuses %s %s: %d %s", method, path, status, oneLine(string(answer)))
		case err == nil:
			err = fmt.Errorf("vault answers %s %s with %d %s", method, path, status, oneLine(string(answer)))
		}
		if time.Now().After(until) {
			return 0, nil, err
		}
	}
}

func (vault *Vault) once(method, path string, body []byte) (int, []byte, error) {
	request, err := http.NewRequest(method, vault.address+"/v1/"+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("X-Vault-Token", vault.token)
	answer, err := vault.client.Do(request)
	if err != nil {
		return 0, nil, fmt.Errorf("vault cannot be asked: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	return answer.StatusCode, text, err
}

// One line of what may be several.
func oneLine(text string) string {
	return strings.Join(strings.Fields(text), " ")
}
