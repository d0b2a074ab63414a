# The ingress: on every client of its class, routes what Consul knows by the tags of its services, and nothing else.

variable "namespace" {
  type        = string
  description = "Nomad namespace; its certificate is Vault's certificates/<namespace>/ingress/site: cert, key"
}

variable "datacenter" {
  type = string
}

variable "node_class" {
  type        = string
  description = "Class of the clients that visitors reach"
}

variable "program" {
  type        = object({ url = string, sha256 = string })
  description = "Where the client fetches Traefik"
}

variable "consul_ca" {
  type        = string
  description = "Root certificate of Consul, PEM"
}

variable "http" {
  type        = string
  description = "Traefik's middlewares, and how services behind it are verified: the part http of its file, JSON"
}

variable "tcp" {
  type        = string
  description = "How services are verified that speak no HTTP: the part tcp of its file, JSON"
}

job "ingress" {
  namespace   = var.namespace
  datacenters = [var.datacenter]
  type        = "system"
  priority    = 80

  constraint {
    attribute = "${node.class}"
    value     = var.node_class
  }

  update {
    max_parallel      = 1
    min_healthy_time  = "1s"
    healthy_deadline  = "45s"
    progress_deadline = "60s"
  }

  group "ingress" {
    network {
      port "http" {
        static = 80
      }
      port "https" {
        static = 443
      }
    }

    # A client that fell silent may only be waiting for a server without power: visitors are not to feel it.
    disconnect {
      lost_after = "1h"
      reconcile  = "keep_original"
    }

    restart {
      attempts = 10
      interval = "5m"
      delay    = "2s"
      mode     = "delay"
    }

    service {
      name = "traefik"
      port = "https"

      check {
        type     = "tcp"
        interval = "1s"
        timeout  = "1s"
      }
    }

    task "traefik" {
      driver      = "exec"
      user        = "nobody"
      kill_signal = "SIGTERM"
      # More than the two times of grace below.
      kill_timeout = "12s"

      config {
        command = "local/traefik"
        args    = ["--configfile=/local/traefik.yml"]
        cap_add = ["net_bind_service"]
      }

      # Its own token, which reads the catalog and nothing more. Traefik's client of Consul takes it from
      # CONSUL_HTTP_TOKEN.
      consul {}

      # For its template alone: Traefik itself never speaks with Vault, and is not told the token.
      vault {
        env          = false
        disable_file = true
        change_mode  = "noop"
      }

      artifact {
        source      = var.program.url
        destination = "local/traefik"
        mode        = "file"

        options {
          checksum = "sha256:${var.program.sha256}"
        }
      }

      template {
        destination = "local/consul-ca.pem"
        data        = var.consul_ca
      }

      template {
        destination = "local/traefik.yml"
        data        = <<-EOT
          global:
            checkNewVersion: false
            sendAnonymousUsage: false
          log:
            level: WARN
          accessLog:
            format: json
          entryPoints:
            http:
              address: ":80"
              http:
                redirections:
                  entryPoint:
                    to: https
                    scheme: https
                    permanent: true
            https:
              address: ":443"
              http:
                tls: {}
              # Who is told to end first goes on taking visitors, then lets those that it has finish.
              transport:
                lifeCycle:
                  requestAcceptGraceTimeout: 3s
                  graceTimeOut: 6s
            own:
              address: 127.0.0.1:9998
              # What Traefik asks itself there tells of a visitor.
              forwardedHeaders:
                trustedIPs: [127.0.0.1/32]
          metrics:
            prometheus:
              entryPoint: own
          ping:
            entryPoint: own
          providers:
            providersThrottleDuration: 500ms
            file:
              filename: /secrets/dynamic/traefik.yml
              watch: true
            consulCatalog:
              endpoint:
                address: 127.0.0.1:8501
                scheme: https
                tls:
                  ca: /local/consul-ca.pem
              exposedByDefault: false
              watch: true
              strictChecks: [passing]
        EOT
      }

      # One file, so that a certificate never comes without its key. Traefik watches it: no restart, no connection lost.
      template {
        destination = "secrets/dynamic/traefik.yml"
        change_mode = "noop"
        perms       = "0400"
        uid         = 65534
        gid         = 65534
        data        = <<-EOT
          tls:
            options:
              default:
                minVersion: VersionTLS12
            stores:
              default:
                defaultCertificate:
          {{- with secret "certificates/${var.namespace}/ingress/site" }}
                  certFile: {{ .Data.cert | toJSON }}
                  keyFile: {{ .Data.key | toJSON }}
          {{- end }}
          http: ${var.http}
          tcp: ${var.tcp}
        EOT
      }

      resources {
        cpu    = 100
        memory = 192
      }
    }
  }
}
