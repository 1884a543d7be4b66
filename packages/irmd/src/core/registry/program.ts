import type { AttestedProcess } from '@flowring/common';
import type { NameEntry } from './name.ts';

/** A program bound to a name: its processes serve the name, and with `auto` one is started when it is asked for. */
export interface ProgramBinding {
  /** Absolute path, or a base name, which then matches any path. */
  readonly program: string;
  readonly name: NameEntry;
  readonly ownerUid: number;
  readonly ownerGid: number;
  readonly auto: boolean;
  readonly args: readonly string[];
}

/** All program bindings, found by program. */
export class ProgramRegistry {
  readonly #byProgram = new Map<string, Set<ProgramBinding>>();

  add(binding: ProgramBinding): void {
    let set = this.#byProgram.get(binding.program);
    if (set === undefined) this.#byProgram.set(binding.program, (set = new Set()));
    set.add(binding);
    binding.name.programs.add(binding);
  }

  remove(binding: ProgramBinding): void {
    const set = this.#byProgram.get(binding.program);
    binding.name.programs.delete(binding);
    if (set?.delete(binding) === true && set.size === 0) this.#byProgram.delete(binding.program);
  }

  find(program: string, name: NameEntry): ProgramBinding | null {
    for (const binding of this.of(program)) if (binding.name === name) return binding;
    return null;
  }

  of(program: string): readonly ProgramBinding[] {
    return [...(this.#byProgram.get(program) ?? [])];
  }

  /**
   * Bindings a process falls under: by its path, or by its base name where only that was bound. A process says
   * its program itself, so a binding counts only for processes of the uid that made it, or when root made it.
   */
  matching(process: AttestedProcess): readonly ProgramBinding[] {
    const all = process.path === process.program ? [] : this.of(process.program);
    return [...this.of(process.path), ...all].filter(
      (binding) => binding.ownerUid === process.uid || binding.ownerUid === 0,
    );
  }
}
