import ts from 'typescript';

const WORD_LENGTH_MAX = 24;
const COMPARES = new Set([ts.SyntaxKind.EqualsEqualsEqualsToken, ts.SyntaxKind.ExclamationEqualsEqualsToken]);
const SHORT_CIRCUITS = new Set([
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.QuestionQuestionToken,
  ts.SyntaxKind.AmpersandAmpersandEqualsToken,
  ts.SyntaxKind.BarBarEqualsToken,
  ts.SyntaxKind.QuestionQuestionEqualsToken,
]);

/**
 * Puts a counter into every branch of a TypeScript or JavaScript text, a step count into every loop and function,
 * and a note of both sides into every `===`. Lines stay where they are. `firstProbe`: number of its first counter.
 */
export function instrument(text, fileName, firstProbe) {
  const tree = ts.createSourceFile(fileName, text, ts.ScriptTarget.ES2022, true);
  const marks = new Marks(text, firstProbe);
  const words = new Set();
  const visit = (node) => {
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isInterfaceDeclaration(node)) return;
    collectWord(node, words);
    markBranches(node, marks, tree);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  const probes = marks.nextProbe - firstProbe;
  const note = JSON.stringify([firstProbe, probes, [...words]]);
  const prelude = `const {counters:__c,step:__s,same:__e}=globalThis.__fuzz.load(${note});`;
  return { code: prelude + marks.apply(), probes };
}

class Marks {
  nextProbe;
  #text;
  #opens = new Map();
  #closes = new Map();
  #erased = new Map();

  constructor(text, firstProbe) {
    this.#text = text;
    this.nextProbe = firstProbe;
  }

  probe() {
    return `__c[${this.nextProbe++}]++`;
  }

  /** Outer openings come before inner ones; outer closings after inner ones. */
  open(at, code) {
    this.#opens.set(at, (this.#opens.get(at) ?? '') + code);
  }

  close(at, code) {
    this.#closes.set(at, code + (this.#closes.get(at) ?? ''));
  }

  erase(from, to) {
    this.#erased.set(from, to);
  }

  apply() {
    const places = new Set([...this.#opens.keys(), ...this.#closes.keys(), ...this.#erased.keys()]);
    let out = '';
    let from = 0;
    for (const at of [...places].sort((a, b) => a - b)) {
      out += this.#text.slice(from, at) + (this.#closes.get(at) ?? '') + (this.#opens.get(at) ?? '');
      from = this.#erased.get(at) ?? at;
    }
    return out + this.#text.slice(from);
  }
}

function markBranches(node, marks, tree) {
  const expression = (one) => {
    marks.open(one.getStart(tree), `(${marks.probe()},`);
    marks.close(one.end, ')');
  };
  const statement = (one, also = '') => {
    if (ts.isBlock(one)) return marks.open(one.getStart(tree) + 1, `${marks.probe()};${also}`);
    marks.open(one.getStart(tree), `{${marks.probe()};${also}`);
    marks.close(one.end, '}');
  };
  if (ts.isFunctionLike(node) && node.body !== undefined) {
    if (ts.isBlock(node.body)) statement(node.body, '__s();');
    else expression(node.body);
  } else if (ts.isIfStatement(node)) {
    if (node.elseStatement === undefined) marks.close(node.thenStatement.end, ` else {${marks.probe()}}`);
    else if (!ts.isIfStatement(node.elseStatement)) statement(node.elseStatement);
    statement(node.thenStatement);
  } else if (ts.isIterationStatement(node, false)) statement(node.statement, '__s();');
  else if (ts.isConditionalExpression(node)) {
    expression(node.whenTrue);
    expression(node.whenFalse);
  } else if (ts.isCaseOrDefaultClause(node)) marks.open(node.statements.pos, ` ${marks.probe()};`);
  else if (ts.isCatchClause(node)) statement(node.block);
  else if (ts.isBinaryExpression(node)) markBinary(node, marks, tree, expression);
}

function markBinary(node, marks, tree, expression) {
  const operator = node.operatorToken;
  if (SHORT_CIRCUITS.has(operator.kind)) expression(node.right);
  if (!COMPARES.has(operator.kind)) return;
  const isNegated = operator.kind === ts.SyntaxKind.ExclamationEqualsEqualsToken;
  marks.open(node.getStart(tree), `${isNegated ? '!' : ''}__e((`);
  marks.close(node.left.end, '),');
  marks.open(operator.end, '(');
  marks.close(node.end, '))');
  marks.erase(operator.getStart(tree), operator.end);
}

/** Literals of the code are what it compares input with. */
function collectWord(node, words) {
  if (ts.isStringLiteralLike(node) && node.text.length > 0 && node.text.length <= WORD_LENGTH_MAX)
    words.add(node.text);
  if (ts.isNumericLiteral(node) && Number(node.text) > 1) words.add(Number(node.text));
}
