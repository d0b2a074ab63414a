# Gets the site's public certificate by ACME, twice a day where one is due, and puts it into Vault, where the ingress reads it.

variable "namespace" {
  type = string
}

variable "datacenter" {
  type = string
}

variable "node_class" {
  type        = string
  description = "Class of the clients that run it: not the one that visitors reach"
}

variable "schedule" {
  type        = string
  description = "When it looks whether a certificate is due: cron, UTC"
}

variable "program" {
  type        = object({ url = string, sha256 = string })
  description = "Where the client fetches the program"
}

variable "vault_ca" {
  type        = string
  description = "Root certificate of Vault, PEM"
}

variable "ca" {
  type        = string
  description = "Further root certificates that are trusted outside of the cluster, PEM; may be empty"
}

variable "settings" {
  type        = string
  description = "What is asked of whom: JSON. The credential is not among it: the program reads that from Vault"
}

job "acme" {
  namespace   = var.namespace
  datacenters = [var.datacenter]
  type        = "batch"

  constraint {
    attribute = "${node.class}"
    value     = var.node_class
  }

  periodic {
    crons            = [var.schedule]
    time_zone        = "UTC"
    prohibit_overlap = true
  }

  group "acme" {
    # Who failed is tried again at the next time: an authority counts what fails.
    restart {
      attempts = 0
      mode     = "fail"
    }

    reschedule {
      attempts  = 0
      unlimited = false
    }

    task "acme" {
      driver = "exec"
      user   = "nobody"

      config {
        command = "local/hashistack-acme"
        args    = ["/local/acme.json", "/secrets/vault_token"]
      }

      # A role of its own: it may write the certificate, its account and what came of a run, and nothing else.
      vault {
        role        = "acme"
        env         = false
        change_mode = "noop"
      }

      artifact {
        source      = var.program.url
        destination = "local/hashistack-acme"
        mode        = "file"

        options {
          checksum = "sha256:${var.program.sha256}"
        }
      }

      template {
        destination = "local/vault-ca.pem"
        data        = var.vault_ca
      }

      # Nomad takes no template that is empty.
      template {
        destination = "local/ca.pem"
        data        = "${var.ca}\n"
      }

      template {
        destination = "local/acme.json"
        data        = var.settings
      }

      resources {
        cpu    = 100
        memory = 96
      }
    }
  }
}
