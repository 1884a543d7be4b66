import os from 'node:os';

/** What a run was measured on. */
export function system() {
  const [cpu] = os.cpus();
  return {
    at: new Date().toISOString(),
    cpu: cpu.model.trim(),
    cpus: os.cpus().length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    kernel: `${os.type()} ${os.release()}`,
    node: process.version,
    loadBefore: os.loadavg()[0],
  };
}
