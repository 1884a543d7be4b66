import ts from 'typescript';
import type { SourceFile } from './source-files.ts';

export const FILE_LINES_MAX = 500;
export const FUNCTION_LINES_MAX = 70;

/** Files and functions over the limits. The callbacks of `describe` group tests and have no limit. */
export function oversize(file: SourceFile): string[] {
  const lines = file.text.split('\n').length - 1;
  const found = lines > FILE_LINES_MAX ? [`${file.path} has ${lines} lines`] : [];
  const tree = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2022, true);
  const visit = (node: ts.Node): void => {
    if (isFunction(node) && !isDescribeCallback(node)) {
      const from = lineOf(tree, node.getStart(tree));
      const span = lineOf(tree, node.end) - from + 1;
      if (span > FUNCTION_LINES_MAX) found.push(`${file.path}:${from} function of ${span} lines`);
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

function isFunction(node: ts.Node): boolean {
  return ts.isFunctionLike(node) && 'body' in node && node.body !== undefined;
}

function isDescribeCallback(node: ts.Node): boolean {
  const call = node.parent;
  return ts.isCallExpression(call) && /^describe\b/.test(call.expression.getText());
}

function lineOf(tree: ts.SourceFile, position: number): number {
  return tree.getLineAndCharacterOfPosition(position).line + 1;
}
