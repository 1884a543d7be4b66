import { Argument, Command } from 'commander';
import { bashCompletion, zshCompletion } from '../completion-script.ts';
import type { Terminal } from '../leaf.ts';

export function completion(terminal: Terminal, root: () => Command): Command {
  return new Command('completion')
    .description('print a completion script: source <(irm completion bash)')
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh']))
    .action((shell: string) =>
      terminal.out(shell === 'bash' ? bashCompletion(root()) : zshCompletion(root())),
    );
}
