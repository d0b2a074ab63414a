/** Linode's own request schemas, as far as they are used. The package's typings do not resolve from CommonJS. */
declare module "@linode/validation" {
  interface Schema {
    validateSync(value: unknown, options: { abortEarly: boolean; strict: boolean }): unknown;
  }
  export const CreateLinodeSchema: Schema;
  export const UpdateLinodeSchema: Schema;
  export const UpdateLinodeConfigSchema: Schema;
  export const createImageSchema: Schema;
  export const updateImageSchema: Schema;
  export const CreateFirewallSchema: Schema;
  export const UpdateFirewallSchema: Schema;
  export const FirewallRuleSchema: Schema;
  export const FirewallDeviceSchema: Schema;
  export const createVPCSchema: Schema;
  export const updateVPCSchema: Schema;
  export const createSubnetSchemaIPv4: Schema;
  export const modifySubnetSchema: Schema;
  export const createPlacementGroupSchema: Schema;
  export const updatePlacementGroupSchema: Schema;
  export const stackScriptSchema: Schema;
  export const updateStackScriptSchema: Schema;
  export const createDomainSchema: Schema;
  export const updateDomainSchema: Schema;
  export const createRecordSchema: Schema;
  export const updateRecordSchema: Schema;
}
