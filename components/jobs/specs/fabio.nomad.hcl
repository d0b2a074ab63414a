# The ingress: on every client of its class, routes what Consul knows by the tags of its services.

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
  description = "Where the client fetches Fabio"
}

variable "consul_ca" {
  type        = string
  description = "Root certificate of Consul, PEM"
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
      name = "fabio"
      port = "https"

      check {
        type     = "tcp"
        interval = "1s"
        timeout  = "1s"
      }
    }

    task "fabio" {
      driver       = "exec"
      user         = "nobody"
      kill_signal  = "SIGTERM"
      kill_timeout = "10s"

      config {
        command = "local/fabio"
        args    = ["-cfg", "/local/fabio.properties"]
        cap_add = ["net_bind_service"]
      }

      # Its own token, which reads the catalog and nothing more. Fabio takes it from CONSUL_HTTP_TOKEN; were it in the
      # configuration, Fabio would show it in its log and to whoever asks its admin port.
      consul {}

      # For its template alone: Fabio itself never speaks with Vault, and is not told the token.
      vault {
        env          = false
        disable_file = true
        change_mode  = "noop"
      }

      artifact {
        source      = var.program.url
        destination = "local/fabio"
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
        destination = "local/fabio.properties"
        data        = <<-EOT
          registry.consul.addr = https://127.0.0.1:8501
          registry.consul.tls.cafile = /local/consul-ca.pem
          registry.consul.register.enabled = false
          # All services at once: what is true of one is to be true of the others.
          registry.consul.serviceMonitors = 8

          proxy.cs = cs=site;type=path;cert=/secrets/certificates;refresh=3s
          proxy.addr = :80;proto=http,:443;proto=https;cs=site;tlsmin=tls12
          proxy.strategy = rr
          proxy.shutdownwait = 5s
          proxy.header.clientip = X-Forwarded-For
          # There is a route for every name: without any, no instance is known to be well.
          proxy.noroutestatus = 503

          ui.addr = 127.0.0.1:9998
          ui.access = ro
          log.level = WARN
          log.access.target = stdout
          log.access.format = $remote_host - - [$time_common] "$request" $response_status $response_body_size "$request_host" "$upstream_addr" $response_time_ms
          metrics.target = stdout
          metrics.interval = 30s
        EOT
      }

      # One file, so that a certificate never comes without its key. Fabio looks at it: no restart, no connection lost.
      template {
        destination = "secrets/certificates/site.pem"
        change_mode = "noop"
        perms       = "0400"
        uid         = 65534
        gid         = 65534
        data        = <<-EOT
          {{ with secret "certificates/${var.namespace}/ingress/site" }}{{ .Data.cert }}
          {{ .Data.key }}{{ end }}
        EOT
      }

      resources {
        cpu    = 100
        memory = 128
      }
    }
  }
}
