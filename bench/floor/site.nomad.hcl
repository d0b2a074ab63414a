# What ends the floor: a website of two instances, passing in Consul.
job "site" {
  type = "service"

  update {
    max_parallel     = 2
    min_healthy_time = "1s"
    healthy_deadline = "1m"
  }

  group "web" {
    count = 2

    network {
      port "http" {}
    }

    service {
      name     = "site"
      port     = "http"
      provider = "consul"

      check {
        type     = "http"
        path     = "/"
        interval = "1s"
        timeout  = "1s"
      }
    }

    task "web" {
      driver = "exec"

      config {
        command = "/bin/caddy"
        args    = ["file-server", "--listen", ":${NOMAD_PORT_http}", "--root", "${NOMAD_TASK_DIR}"]
      }

      env {
        HOME = "${NOMAD_TASK_DIR}"
      }

      template {
        data        = "<!doctype html><title>floor</title><p>Two instances of this page end the floor.\n"
        destination = "local/index.html"
      }

      resources {
        cpu    = 100
        memory = 64
      }
    }
  }
}
