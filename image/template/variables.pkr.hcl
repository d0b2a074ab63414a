// What `npm run image` writes into a file of variables. None is a secret: Packer's plugins read tokens and passwords from
// the environment themselves.

variable "cloud" {
  type        = string
  description = "Whose source is built: the part of source.<cloud>.image."
}

variable "name" {
  type        = string
  description = "The image's name at the cloud. Example: hashistack-20261123-1415."
}

variable "description" {
  type        = string
  description = "What is in it, for people. Example: consul 1.21.0, vault 1.21.1."
}

variable "programs" {
  type        = list(string)
  description = "The daemons' programs as they lie on this host, each under its own name."
}

variable "apt_proxy" {
  type        = string
  description = "A proxy for Debian's packages while the image is built, as the machine reaches it; empty for none."
  default     = ""
}
