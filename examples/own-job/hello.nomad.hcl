# A small HTTP server behind the ingress. What it says is a variable; it runs as nobody, on one client of the class "general".

variable "datacenter" {
  type = string
}

variable "domain" {
  type        = string
  description = "The site's domain, below which it has the path /hello"
}

variable "program" {
  type        = object({ url = string, sha256 = string })
  description = "Where the client fetches Caddy"
}

variable "text" {
  type = string
}

job "hello" {
  namespace   = "default"
  datacenters = [var.datacenter]
  type        = "service"

  constraint {
    attribute = "${node.class}"
    value     = "general"
  }

  update {
    min_healthy_time  = "1s"
    healthy_deadline  = "45s"
    progress_deadline = "60s"
  }

  group "hello" {
    network {
      port "http" {}
    }

    service {
      name = "hello"
      port = "http"

      # Plain HTTP behind the ingress; components/jobs/specs/website.nomad.hcl shows how it is encrypted.
      tags = ["urlprefix-${var.domain}/hello strip=/hello"]

      check {
        type     = "http"
        path     = "/"
        interval = "1s"
        timeout  = "1s"
      }
    }

    task "hello" {
      driver = "exec"
      user   = "nobody"

      config {
        command = "local/caddy"
        args    = ["file-server", "--root", "/local/pages", "--listen", ":${NOMAD_PORT_http}"]
      }

      env {
        HOME            = "/alloc/tmp"
        XDG_CONFIG_HOME = "/alloc/tmp/config"
        XDG_DATA_HOME   = "/alloc/tmp/data"
      }

      # A task finds nothing of its machine: it brings what it runs, and a changed program does not run.
      artifact {
        source      = var.program.url
        destination = "local/caddy"
        mode        = "file"

        options {
          checksum = "sha256:${var.program.sha256}"
        }
      }

      template {
        destination = "local/pages/index.html"
        data        = var.text
      }

      resources {
        cpu    = 50
        memory = 64
      }
    }
  }
}
