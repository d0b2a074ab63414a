// An image in an OpenStack. Who asks comes from OS_CLOUD, or from the other variables OS_….

packer {
  required_plugins {
    openstack = {
      source  = "github.com/hashicorp/openstack"
      version = ">= 1.1.2"
    }
  }
}

variable "source_image" {
  type        = string
  description = "Name of a Debian 12 with cloud-init in the image service. Example: debian-12-genericcloud."
}

variable "flavor" {
  type        = string
  description = "What the machine that becomes the image is. Example: m1.small."
}

variable "networks" {
  type        = list(string)
  description = "Ids of the networks that it has a port in; empty where the project has one alone."
  default     = []
}

variable "floating_network" {
  type        = string
  description = "Name or id of the outer network that gives it an address by which this host reaches it; empty for none."
  default     = ""
}

variable "security_groups" {
  type        = list(string)
  description = "Names of its security groups, one of which must let this host in by SSH."
  default     = ["default"]
}

variable "volume_gb" {
  type        = number
  description = "Size of a volume to build on, for flavors without a disk; 0 to build on the flavor's disk."
  default     = 0
}

source "openstack" "image" {
  source_image_name   = var.source_image
  flavor              = var.flavor
  networks            = var.networks
  floating_ip_network = var.floating_network
  security_groups     = var.security_groups

  use_blockstorage_volume = var.volume_gb > 0
  volume_size             = var.volume_gb
  image_disk_format       = var.volume_gb > 0 ? "qcow2" : ""

  // Packer's temporary key goes to root, and no other user is made who would stay in the image.
  config_drive = true
  user_data    = "#cloud-config\n{\"users\": [], \"disable_root\": false}\n"
  ssh_username = "root"
  ssh_timeout  = "10m"

  image_name       = var.name
  image_visibility = "private"
  image_tags       = ["hashistack-image"]
  metadata         = { description = var.description }
}
