package main

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Leaf is the first certificate of a chain, PEM; nil where there is none.
func leafOf(chain string) *x509.Certificate {
	block, _ := pem.Decode([]byte(chain))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	return leaf
}

// Due says why another certificate is wanted, and "" while what is there will do.
func due(shown Secret, settings *Settings, forced time.Time, now time.Time) string {
	leaf := leafOf(shown["cert"])
	if leaf == nil {
		return "there is none"
	}
	if shown["directory"] == "" {
		return "the one that is shown is of the cluster's own authority"
	}
	if shown["directory"] != settings.Directory {
		return "another directory is asked: " + settings.Directory
	}
	has, wanted := slices.Sorted(slices.Values(leaf.DNSNames)), slices.Sorted(slices.Values(settings.Domains))
	if !slices.Equal(has, wanted) {
		return fmt.Sprintf("it is for %s and shall be for %s", strings.Join(has, ", "), strings.Join(wanted, ", "))
	}
	if has := keyTypeOf(leaf); has != settings.KeyType {
		return fmt.Sprintf("its key is %s and shall be %s", has, settings.KeyType)
	}
	if at, err := time.Parse(time.RFC3339, shown["at"]); err != nil || forced.After(at) {
		return "it was asked for by hand"
	}
	if moment := renewalOf(leaf, settings.RenewDays); !now.Before(moment) {
		return "it ends at " + leaf.NotAfter.Format(time.RFC3339)
	}
	return ""
}

// A certificate that lives shorter than usual is renewed when a third of its life is left.
func renewalOf(leaf *x509.Certificate, days int) time.Time {
	before := min(time.Duration(days)*24*time.Hour, leaf.NotAfter.Sub(leaf.NotBefore)/3)
	return leaf.NotAfter.Add(-before)
}

func keyTypeOf(leaf *x509.Certificate) string {
	switch key := leaf.PublicKey.(type) {
	case *ecdsa.PublicKey:
		return fmt.Sprintf("ec%d", key.Curve.Params().BitSize)
	case *rsa.PublicKey:
		return fmt.Sprintf("rsa%d", key.Size()*8)
	default:
		return "of an unknown type"
	}
}
