// Hashistack-acme gets the site's certificate by ACME and DNS-01, with lego, and puts it where the ingress reads it: in
// Vault. Where none is due it does nothing; where one cannot be had, the one that is there stays.
//
// usage: hashistack-acme SETTINGS_FILE VAULT_TOKEN_FILE
package main

import (
	"errors"
	"fmt"
	"os"
	"time"
)

const version = "1.0.0"

// More than a domain's servers need at Linode, for some names.
const limit = 45 * time.Minute

func main() {
	if len(os.Args) == 2 && os.Args[1] == "version" {
		fmt.Println("hashistack-acme " + version)
		return
	}
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: hashistack-acme SETTINGS_FILE VAULT_TOKEN_FILE")
		os.Exit(2)
	}
	told, err := run(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintf(os.Stderr, "acme: no certificate: %s\n", oneLine(err.Error()))
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, "acme: "+told)
}

func run(settingsFile, tokenFile string) (string, error) {
	settings, err := readSettings(settingsFile)
	if err != nil {
		return "", err
	}
	vault, err := openVault(settings.Vault.Address, settings.Vault.CaFile, tokenFile)
	if err != nil {
		return "", err
	}
	if err := trust(settings.CaFile); err != nil {
		return "", err
	}
	now := time.Now().UTC()
	shown, err := vault.read(settings.Paths.Certificate)
	if err != nil {
		return "", err
	}
	asked, err := vault.read(settings.Paths.Force)
	if err != nil {
		return "", err
	}
	forced, err := time.Parse(time.RFC3339, asked["at"])
	if err != nil && asked["at"] != "" {
		return "", fmt.Errorf("vault's %s: %w", settings.Paths.Force, err)
	}
	reason := due(shown, settings, forced, now)
	if reason == "" {
		leaf := leafOf(shown["cert"])
		told := fmt.Sprintf("nothing is due before %s", renewalOf(leaf, settings.RenewDays).UTC().Format(time.RFC3339))
		return told, tell(vault, settings, now, "kept", told)
	}
	fmt.Fprintln(os.Stderr, "acme: a certificate is due: "+reason)
	if err := renew(vault, settings, now); err != nil {
		// What is wrong counts, not that it could not be told.
		return "", errors.Join(err, tell(vault, settings, now, "failed", oneLine(err.Error())))
	}
	told := "a certificate was issued, since " + reason
	return told, tell(vault, settings, now, "issued", told)
}

// A server that says nothing must not keep this run, and so all later ones, for ever.
func renew(vault *Vault, settings *Settings, now time.Time) error {
	done := make(chan error, 1)
	go func() {
		issued, err := obtain(vault, settings)
		if err == nil {
			err = vault.write(settings.Paths.Certificate, Secret{
				"cert": string(issued.Certificate), "key": string(issued.PrivateKey),
				"directory": settings.Directory, "at": now.Format(time.RFC3339Nano),
			})
		}
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(limit):
		return fmt.Errorf("no end after %s", limit)
	}
}

// What came of it, for whoever looks later: Nomad forgets a run after some hours.
func tell(vault *Vault, settings *Settings, at time.Time, result, message string) error {
	return vault.write(settings.Paths.Run, Secret{
		"at": at.Format(time.RFC3339), "result": result, "message": message,
	})
}
