import * as frcp from '@flowring/frcp';

/** A build of the machine under test: the namespace of `packages/frcp` or of a changed copy of it. */
export type Machine = Pick<typeof frcp, 'FrcpConnection' | 'resolveParams'>;
export type Connection = frcp.FrcpConnection;

/** The machine of this tree. */
export const MACHINE: Machine = frcp;
