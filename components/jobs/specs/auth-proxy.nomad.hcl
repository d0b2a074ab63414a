# The auth proxy: oauth2-proxy, which Traefik asks whether a visitor may pass. Sessions are in the visitors' cookies, so any
# instance knows them and none is missed.

variable "namespace" {
  type        = string
  description = "Nomad namespace; secrets are Vault's secret/<namespace>/auth-proxy: clientSecret, cookieSecret, certificate, key"
}

variable "datacenter" {
  type = string
}

variable "node_class" {
  type        = string
  description = "Class of the clients that run it"
}

variable "instances" {
  type = number
}

variable "apart" {
  type        = bool
  description = "Whether no two instances may be on one client"
}

variable "tags" {
  type        = list(string)
  description = "By which Traefik finds it"
}

variable "program" {
  type        = object({ url = string, sha256 = string })
  description = "Where the client fetches oauth2-proxy"
}

variable "settings" {
  type        = string
  description = "Its configuration but for secrets and addresses, TOML"
}

variable "issuer_ca" {
  type        = string
  description = "Root certificate by which the provider is verified, PEM; empty for the public ones"
}

variable "pages" {
  type        = object({ sign_in = string, error = string, forbidden = string })
  description = "HTML; the first two are Go's templates"
}

job "auth-proxy" {
  namespace   = var.namespace
  datacenters = [var.datacenter]
  type        = "service"
  priority    = 70

  constraint {
    attribute = "${node.class}"
    value     = var.node_class
  }

  constraint {
    operator = "distinct_hosts"
    value    = var.apart ? "true" : "false"
  }

  spread {
    attribute = "${node.unique.id}"
  }

  update {
    max_parallel      = 1
    min_healthy_time  = "1s"
    healthy_deadline  = "45s"
    progress_deadline = "60s"
    auto_revert       = true
  }

  group "auth-proxy" {
    count = var.instances

    disconnect {
      lost_after = "1h"
      replace    = true
      reconcile  = "keep_original"
    }

    network {
      port "https" {}
    }

    # It ends when it cannot reach the provider at its start, and is to be there when that is back.
    restart {
      attempts = 10
      interval = "5m"
      delay    = "5s"
      mode     = "delay"
    }

    task "auth-proxy" {
      driver       = "exec"
      user         = "nobody"
      kill_timeout = "10s"

      # First it leaves the catalog, then it stops.
      shutdown_delay = "6s"

      service {
        name = "auth-proxy"
        port = "https"
        tags = var.tags

        check {
          type            = "http"
          protocol        = "https"
          tls_skip_verify = true
          path            = "/ping"
          interval        = "1s"
          timeout         = "1s"
        }
      }

      config {
        command = "local/oauth2-proxy"
        args    = ["--config=/secrets/auth-proxy.toml"]
      }

      # Its own secrets, through the job's own identity.
      vault {
        env          = false
        disable_file = true
      }

      artifact {
        source      = var.program.url
        destination = "local/oauth2-proxy"
        mode        = "file"

        options {
          checksum = "sha256:${var.program.sha256}"
        }
      }

      template {
        destination = "local/issuer-ca.pem"
        # Nomad takes no template that is empty.
        data = "${var.issuer_ca}\n"
      }

      # Not the usual braces: what is in those is oauth2-proxy's to fill in.
      template {
        destination     = "local/templates/sign_in.html"
        data            = var.pages.sign_in
        left_delimiter  = "<%"
        right_delimiter = "%>"
      }

      template {
        destination     = "local/templates/error.html"
        data            = var.pages.error
        left_delimiter  = "<%"
        right_delimiter = "%>"
      }

      template {
        destination = "local/pages/forbidden.html"
        data        = var.pages.forbidden
        change_mode = "noop"
      }

      template {
        destination = "secrets/certificate.pem"
        perms       = "0400"
        uid         = 65534
        gid         = 65534
        splay       = "20s"
        data        = <<-EOT
          {{ with secret "secret/data/${var.namespace}/auth-proxy" }}{{ .Data.data.certificate }}{{ end }}
        EOT
      }

      template {
        destination = "secrets/key.pem"
        perms       = "0400"
        uid         = 65534
        gid         = 65534
        splay       = "20s"
        data        = <<-EOT
          {{ with secret "secret/data/${var.namespace}/auth-proxy" }}{{ .Data.data.key }}{{ end }}
        EOT
      }

      # The instances do not restart at one time when a secret changes.
      template {
        destination = "secrets/auth-proxy.toml"
        perms       = "0400"
        uid         = 65534
        gid         = 65534
        splay       = "20s"
        data        = <<-EOT
          ${var.settings}
          https_address = "{{ env "NOMAD_ADDR_https" }}"
          tls_cert_file = "/secrets/certificate.pem"
          tls_key_file = "/secrets/key.pem"
          {{- with secret "secret/data/${var.namespace}/auth-proxy" }}
          client_secret = {{ .Data.data.clientSecret | toJSON }}
          cookie_secret = {{ .Data.data.cookieSecret | toJSON }}
          {{- end }}
        EOT
      }

      resources {
        cpu    = 50
        memory = 96
      }
    }
  }
}
