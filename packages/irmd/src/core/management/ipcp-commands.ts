import { LIMITS } from '@flowring/common';
import { bootstrapIpcp, createIpcpProcess, destroyIpcp } from '../supervision.ts';
import type { Handlers } from './handlers.ts';
import { ownIpcp } from './handlers.ts';

export const ipcpCommands: Handlers<'ipcp-create' | 'ipcp-destroy' | 'ipcp-configure'> = {
  'ipcp-create'(irm, { message, from, caller }) {
    const { ipcp, type } = message;
    const { ipcpTypes } = irm.settings;
    if (!irm.isPrivileged(caller.joined.uid)) {
      return irm.fail(from, 'FLOWRING_PERMISSION', "only root and the daemon's user may create IPCPs");
    }
    if (!ipcpTypes.includes(type)) {
      const text = `unknown IPCP type ${type}; known types: ${ipcpTypes.join(', ')}`;
      return irm.fail(from, 'FLOWRING_IPCP_TYPE', text, { type });
    }
    if (irm.ipcps.has(ipcp)) {
      return irm.fail(from, 'FLOWRING_EXISTS', `the IPCP ${ipcp} exists`, { ipcp });
    }
    if (irm.ipcps.size >= LIMITS.ipcpsMax) {
      return irm.fail(from, 'FLOWRING_TOO_MANY', undefined, { limit: 'ipcpsMax', value: LIMITS.ipcpsMax });
    }
    createIpcpProcess(irm, ipcp, type, caller.joined.uid, from);
  },

  'ipcp-destroy'(irm, command) {
    const ipcp = ownIpcp(irm, command, command.message.ipcp);
    if (ipcp === null) return;
    if (ipcp.state === 'destroying') {
      return irm.fail(command.from, 'FLOWRING_IPCP_STATE', `the IPCP ${ipcp.name} is being destroyed`);
    }
    destroyIpcp(irm, ipcp, command.from);
  },

  'ipcp-configure'(irm, command) {
    const ipcp = ownIpcp(irm, command, command.message.ipcp);
    if (ipcp === null) return;
    const { layer, config } = command.message;
    if (ipcp.state !== 'idle' || ipcp.process === null) {
      const text = ipcp.layer === null ? `is ${ipcp.state}` : `is in the layer ${ipcp.layer}`;
      return irm.fail(command.from, 'FLOWRING_IPCP_STATE', `the IPCP ${ipcp.name} ${text}`);
    }
    ipcp.config = config;
    bootstrapIpcp(irm, ipcp, layer, command.from);
  },
};
