import type { Command } from 'commander';

/** A bash completion script for a command tree: subcommands, then options and their choices. */
export function bashCompletion(root: Command): string {
  return `${functionOf(root)}complete -F _${root.name()} ${root.name()}\n`;
}

/** The same for zsh, through its bash compatibility. */
export function zshCompletion(root: Command): string {
  return `#compdef ${root.name()}\nautoload -Uz bashcompinit && bashcompinit\n${bashCompletion(root)}`;
}

function functionOf(root: Command): string {
  const cases = pathsOf(root, [])
    .map(({ path, words }) => `    '${path}') words='${words.join(' ')}' ;;`)
    .join('\n');
  return `_${root.name()}() {
  local path='' words='' word at
  for ((at = 1; at < COMP_CWORD; at++)); do
    word="\${COMP_WORDS[at]}"
    case "$word" in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  while :; do
    case "$path" in
${cases}
    esac
    [ -n "$words" ] || [ -z "$path" ] && break
    case "$path" in *' '*) path="\${path% *}" ;; *) path='' ;; esac
  done
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
`;
}

interface Completed {
  readonly path: string;
  readonly words: readonly string[];
}

function pathsOf(command: Command, trail: readonly string[]): readonly Completed[] {
  const words = [
    ...command.commands.map((one) => one.name()),
    ...command.registeredArguments.flatMap((one) => one.argChoices ?? []),
    ...command.options.flatMap((option) => [option.long ?? '', ...(option.argChoices ?? [])]),
    '--help',
  ];
  const own = { path: trail.join(' '), words };
  return [own, ...command.commands.flatMap((one) => pathsOf(one, [...trail, one.name()]))];
}
