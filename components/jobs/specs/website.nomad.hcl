# A website: a static page, part of whose text is a secret of its own in Vault, behind the ingress.

variable "namespace" {
  type        = string
  description = "Nomad namespace; the site's secrets are Vault's secret/<namespace>/website: text, certificate, key"
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
  description = "By which the ingress finds it, for visitors who ask for its domain"
}

variable "ingress_ca" {
  type        = string
  description = "Root certificate by which the ingress is known, PEM; empty where anybody may ask"
  default     = ""
}

variable "ingress_name" {
  type        = string
  description = "The name in the ingress's own certificate"
  default     = ""
}

variable "program" {
  type        = object({ url = string, sha256 = string })
  description = "Where the client fetches Caddy"
}

variable "page" {
  type        = object({ url = string, sha256 = string })
  description = "Where the client fetches the page"
}

job "website" {
  namespace   = var.namespace
  datacenters = [var.datacenter]
  type        = "service"

  constraint {
    attribute = "${node.class}"
    value     = var.node_class
  }

  # Nomad does not spread again what a lost client has driven together: it is never to get there.
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

  group "website" {
    count = var.instances

    # A client that fell silent may only be waiting for a server without power. Its instance is replaced meanwhile, and
    # kept when it is heard of again: stopped for nothing, all instances would end up on the other client.
    disconnect {
      lost_after = "1h"
      replace    = true
      reconcile  = "keep_original"
    }

    network {
      port "https" {}
    }

    restart {
      attempts = 10
      interval = "5m"
      delay    = "2s"
      mode     = "delay"
    }

    task "website" {
      driver       = "exec"
      user         = "nobody"
      kill_timeout = "10s"

      # First it leaves the catalog, then it stops: the ingress may still send here until it has heard. A client whose own
      # server has just lost power needs seconds to tell.
      shutdown_delay = "6s"

      # Of the task and not of the group: so a task that died is taken from the catalog at once, not when a check has failed.
      service {
        name = "website"
        port = "https"

        tags = var.tags

        check {
          type            = "http"
          protocol        = "https"
          tls_skip_verify = true
          path            = "/health"
          interval        = "1s"
          timeout         = "1s"
        }
      }

      config {
        command = "local/caddy"
        args    = ["run", "--config", "/secrets/Caddyfile", "--adapter", "caddyfile"]
      }

      # Its own secrets, through the job's own identity.
      vault {
        env = false
      }

      env {
        HOME            = "/alloc/tmp"
        XDG_CONFIG_HOME = "/alloc/tmp/config"
        XDG_DATA_HOME   = "/alloc/tmp/data"
      }

      artifact {
        source      = var.program.url
        destination = "local/caddy"
        mode        = "file"

        options {
          checksum = "sha256:${var.program.sha256}"
        }
      }

      artifact {
        source      = var.page.url
        destination = "local/site/index.html"
        mode        = "file"

        options {
          checksum = "sha256:${var.page.sha256}"
        }
      }

      template {
        destination = "local/site/text.html"
        change_mode = "noop"
        data        = <<-EOT
          {{ with secret "secret/data/${var.namespace}/website" }}{{ .Data.data.text }}{{ end }}
        EOT
      }

      template {
        destination = "secrets/certificate.pem"
        perms       = "0400"
        uid         = 65534
        gid         = 65534
        data        = <<-EOT
          {{ with secret "secret/data/${var.namespace}/website" }}{{ .Data.data.certificate }}{{ end }}
        EOT
      }

      template {
        destination = "secrets/key.pem"
        perms       = "0400"
        uid         = 65534
        gid         = 65534
        data        = <<-EOT
          {{ with secret "secret/data/${var.namespace}/website" }}{{ .Data.data.key }}{{ end }}
        EOT
      }

      template {
        destination = "local/ingress-ca.pem"
        # Nomad takes no template that is empty.
        data = "${var.ingress_ca}\n"
      }

      template {
        destination = "secrets/Caddyfile"
        perms       = "0400"
        uid         = 65534
        gid         = 65534
        data        = <<-EOT
          {
            admin off
            auto_https off
            default_sni website.service.consul%{if var.ingress_ca != ""}
            # The ingress shakes hands with the instance and asks for the visitors' name. There is one site here.
            servers {
              strict_sni_host insecure_off
            }%{endif}
          }

          https://:{{ env "NOMAD_PORT_https" }} {
            tls /secrets/certificate.pem /secrets/key.pem%{if var.ingress_ca != ""} {
              # Consul's check has none.
              client_auth {
                mode verify_if_given
                trust_pool file /local/ingress-ca.pem
              }
            }
            @stranger {
              not path /health
              not vars {tls_client_subject} "CN=${var.ingress_name}"
            }
            respond @stranger "Only the ingress is answered here." 403%{endif}
            header -Server
            respond /health 200
            root * /local/site
            # The page includes the text.
            templates
            file_server
          }
        EOT
      }

      resources {
        cpu    = 50
        memory = 96
      }
    }
  }
}
