// What is done on the machine whose disk becomes the image: the same for every cloud. The scripts say what and why.

locals {
  given = "/var/tmp/hashistack"
  run   = "env {{ .Vars }} sh {{ .Path }}"
}

build {
  sources = ["source.${var.cloud}.image"]

  // A folder of the build's own: it must not be there yet.
  provisioner "shell" {
    inline = ["umask 077 && mkdir ${local.given} ${local.given}/programs"]
  }

  // packages, programs (SHA-256, name, version) and files, as image/contents.ts lays them out.
  provisioner "file" {
    source      = "${path.root}/given"
    destination = "${local.given}/"
  }

  provisioner "file" {
    sources     = var.programs
    destination = "${local.given}/programs/"
  }

  provisioner "shell" {
    execute_command  = local.run
    environment_vars = ["GIVEN=${local.given}", "APT_PROXY=${var.apt_proxy}"]
    scripts = [
      "${path.root}/scripts/packages.sh",
      "${path.root}/scripts/programs.sh",
      "${path.root}/scripts/settings.sh",
      "${path.root}/scripts/check.sh",
      "${path.root}/scripts/clean.sh",
    ]
  }

  // Its id, for whoever started this.
  post-processor "manifest" {
    output = "${path.root}/made.json"
  }
}
