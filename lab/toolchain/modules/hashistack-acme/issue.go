package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/go-acme/lego/v4/certcrypto"
	"github.com/go-acme/lego/v4/certificate"
	"github.com/go-acme/lego/v4/challenge"
	"github.com/go-acme/lego/v4/challenge/dns01"
	"github.com/go-acme/lego/v4/lego"
	"github.com/go-acme/lego/v4/providers/dns/designate"
	"github.com/go-acme/lego/v4/providers/dns/linode"
	"github.com/go-acme/lego/v4/providers/dns/rfc2136"
	"github.com/go-acme/lego/v4/registration"
)

var keyTypes = map[string]certcrypto.KeyType{
	"ec256":   certcrypto.EC256,
	"ec384":   certcrypto.EC384,
	"rsa2048": certcrypto.RSA2048,
	"rsa4096": certcrypto.RSA4096,
}

const (
	// Linode's servers read the domains every quarter of an hour.
	recordLimit = 20 * time.Minute
	// Every so often the record is looked for.
	recordPause = 2 * time.Second
)

// Account is who asks. It is kept in Vault; another directory is asked by another account.
type account struct {
	email        string
	key          crypto.PrivateKey
	registration *registration.Resource
}

func (who *account) GetEmail() string                        { return who.email }
func (who *account) GetRegistration() *registration.Resource { return who.registration }
func (who *account) GetPrivateKey() crypto.PrivateKey        { return who.key }

// Whoever is asked from here on must have a certificate of a public authority, or of one in the file.
func trust(caFile string) error {
	pool, err := x509.SystemCertPool()
	if err != nil {
		return err
	}
	if caFile != "" {
		roots, err := os.ReadFile(caFile)
		if err != nil {
			return err
		}
		if len(oneLine(string(roots))) > 0 && !pool.AppendCertsFromPEM(roots) {
			return fmt.Errorf("%s holds no certificate", caFile)
		}
	}
	transport := http.DefaultTransport.(*http.Transport)
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return nil
}

// Takes the account from Vault, or makes one and keeps it there before anybody is told of it.
func openAccount(vault *Vault, settings *Settings) (*account, error) {
	kept, err := vault.read(settings.Paths.Account)
	if err != nil {
		return nil, err
	}
	if kept["directory"] == settings.Directory {
		block, _ := pem.Decode([]byte(kept["key"]))
		if block == nil {
			return nil, fmt.Errorf("vault's %s holds no key", settings.Paths.Account)
		}
		key, err := x509.ParseECPrivateKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("vault's %s: %w", settings.Paths.Account, err)
		}
		if kept["email"] == settings.Email {
			return &account{email: settings.Email, key: key}, nil
		}
		return &account{email: settings.Email, key: key}, keep(vault, settings, key)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return &account{email: settings.Email, key: key}, keep(vault, settings, key)
}

func keep(vault *Vault, settings *Settings, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	return vault.write(settings.Paths.Account, Secret{
		"directory": settings.Directory, "email": settings.Email, "key": string(text),
	})
}

// The credential stays in this process: providers that read their environment are given it by a call of their own.
func openProvider(credential Secret, settings *Settings) (challenge.Provider, error) {
	field := func(name string) (string, error) {
		if credential[name] == "" {
			return "", fmt.Errorf("vault's %s has no field %q, which the provider %s needs", settings.Paths.DNS, name, settings.Provider)
		}
		return credential[name], nil
	}
	switch settings.Provider {
	case "linode":
		token, err := field("token")
		if err != nil {
			return nil, err
		}
		if settings.API != "" {
			os.Setenv("LINODE_URL", settings.API)
		}
		config := linode.NewDefaultConfig()
		config.Token, config.PropagationTimeout, config.PollingInterval = token, recordLimit, recordPause
		return linode.NewDNSProviderConfig(config)
	case "designate":
		for name, variable := range map[string]string{
			"authUrl": "OS_AUTH_URL", "id": "OS_APPLICATION_CREDENTIAL_ID", "secret": "OS_APPLICATION_CREDENTIAL_SECRET",
		} {
			value, err := field(name)
			if err != nil {
				return nil, err
			}
			os.Setenv(variable, value)
		}
		os.Setenv("OS_REGION_NAME", credential["region"])
		os.Setenv(designate.EnvPropagationTimeout, fmt.Sprint(int(recordLimit.Seconds())))
		os.Setenv(designate.EnvPollingInterval, fmt.Sprint(int(recordPause.Seconds())))
		return designate.NewDNSProvider()
	case "rfc2136":
		config := rfc2136.NewDefaultConfig()
		for name, into := range map[string]*string{
			"server": &config.Nameserver, "keyName": &config.TSIGKey, "secret": &config.TSIGSecret, "algorithm": &config.TSIGAlgorithm,
		} {
			value, err := field(name)
			if err != nil {
				return nil, err
			}
			*into = value
		}
		config.PropagationTimeout, config.PollingInterval = recordLimit, recordPause
		return rfc2136.NewDNSProviderConfig(config)
	default:
		return nil, fmt.Errorf("%q is no DNS provider that is known here", settings.Provider)
	}
}

// Obtain gets a certificate with its chain, and the key that is made for it.
func obtain(vault *Vault, settings *Settings) (*certificate.Resource, error) {
	credential, err := vault.read(settings.Paths.DNS)
	if err != nil {
		return nil, err
	}
	provider, err := openProvider(credential, settings)
	if err != nil {
		return nil, err
	}
	who, err := openAccount(vault, settings)
	if err != nil {
		return nil, err
	}
	config := lego.NewConfig(who)
	config.CADirURL = settings.Directory
	config.UserAgent = "pulumi-hashistack"
	config.HTTPClient = &http.Client{Timeout: time.Minute}
	config.Certificate.KeyType = keyTypes[settings.KeyType]
	config.Certificate.Timeout = 2 * time.Minute
	client, err := lego.NewClient(config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", settings.Directory, err)
	}
	own := len(settings.Resolvers) > 0
	err = client.Challenge.SetDNS01Provider(provider,
		dns01.CondOption(own, dns01.AddRecursiveNameservers(settings.Resolvers)),
		dns01.CondOption(own, dns01.DisableAuthoritativeNssPropagationRequirement()),
		dns01.CondOption(own, dns01.RecursiveNSsPropagationRequirement()),
	)
	if err != nil {
		return nil, err
	}
	// Whoever has this key already is answered with the account that it has.
	terms := registration.RegisterOptions{TermsOfServiceAgreed: true}
	if who.registration, err = client.Registration.Register(terms); err != nil {
		return nil, err
	}
	if who.registration, err = client.Registration.UpdateRegistration(terms); err != nil {
		return nil, err
	}
	issued, err := client.Certificate.Obtain(certificate.ObtainRequest{Domains: settings.Domains, Bundle: true})
	if err != nil {
		return nil, err
	}
	if leafOf(string(issued.Certificate)) == nil || len(issued.PrivateKey) == 0 {
		return nil, errors.New("the server's answer holds no certificate")
	}
	return issued, nil
}
