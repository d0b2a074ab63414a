import { ServiceAuthority } from "pulumi-hashistack";

const authority = new ServiceAuthority("mail", { service: "mail", organization: "Example" });

export const root = authority.rootPem;
