// An image at Linode. The token comes from LINODE_TOKEN, with the scopes images, linodes (read and write) and events (read).

packer {
  required_plugins {
    linode = {
      source  = "github.com/linode/linode"
      version = ">= 1.5.0"
    }
  }
}

variable "region" {
  type        = string
  description = "Where the machine that becomes the image stands. Example: nl-ams. The image can be used in all regions."
}

variable "instance_type" {
  type        = string
  description = "What that machine is. The smallest will do."
  default     = "g6-nanode-1"
}

variable "source_image" {
  type        = string
  description = "Linode's own Debian 12."
  default     = "linode/debian12"
}

variable "firewall_id" {
  type        = number
  description = "A firewall for that machine, which must let this host in by SSH; 0 for none."
  default     = 0
}

source "linode" "image" {
  region        = var.region
  instance_type = var.instance_type
  instance_tags = ["hashistack-image"]
  image         = var.source_image
  firewall_id   = var.firewall_id
  // root has a temporary key of Packer's, and a random password that nobody is told.
  ssh_username = "root"
  ssh_timeout  = "10m"

  image_label          = var.name
  image_description    = var.description
  image_create_timeout = "30m"
  state_timeout        = "10m"
  // Without this capability Linode hands machines of the image no user data.
  cloud_init = true
}
