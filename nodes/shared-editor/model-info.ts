import {
  inBytes,
  inPercent,
  inShort,
  typeOf,
  type Cut,
  type Description,
  type ModelledCost,
  type Prediction,
} from './model-description';

export interface VariantFile {
  readonly name: string;
  readonly path: string;
  readonly sha256?: string;
}

/** What the open form says about the models, deployed or not. */
export interface ModelsOfForm {
  readonly source: string;
  readonly variants: readonly VariantFile[];
  readonly inputDims: string;
}

type Text = (key: string, values?: Readonly<Record<string, string | number>>) => string;

const border = '1px solid var(--red-ui-secondary-border-color)';
const monospace = { fontFamily: 'var(--red-ui-monospace-font)', fontSize: '0.9em' };
const cell = { padding: '3px 8px 3px 0', textAlign: 'left', verticalAlign: 'top', borderTop: border };

function fact(table: JQuery, name: string, ...values: (string | JQuery)[]): void {
  if (values.length === 0) return;
  const row = $('<tr>').appendTo(table);
  $('<th scope="row">').text(name).css(cell).css({ width: '130px', fontWeight: 'normal' }).appendTo(row);
  const column = $('<td>').css(cell).css({ overflowWrap: 'anywhere' }).appendTo(row);
  for (const value of values)
    $('<div>')
      .append(typeof value === 'string' ? document.createTextNode(value) : value)
      .appendTo(column);
}

function namedType(name: string, type: string): JQuery {
  return $('<span>').append($('<b>').text(name), document.createTextNode(` ${type}`));
}

/** "8 Conv · 7 Relu", the operators of other domains with their domain. */
function operatorsOf({ operators }: Description): string {
  return operators
    .map(({ name, domain, count }) => `${count}\u00a0${domain === '' ? '' : `${domain}.`}${name}`)
    .join(' · ');
}

function factsOf(description: Description, text: Text): JQuery {
  const { macs, runDims, producer, opsets, irVersion, externalFiles } = description;
  const table = $('<table>').css({ width: '100%', borderCollapse: 'collapse' });
  const dims = Object.values(runDims ?? {}).map((list) => `[${list.join(', ')}]`);
  fact(table, text('modelInfo.inputs'), ...description.inputs.map((value) => namedType(value.name, typeOf(value))));
  fact(table, text('modelInfo.outputs'), ...description.outputs.map((value) => namedType(value.name, typeOf(value))));
  fact(table, text('modelInfo.batches'), text(description.batchOpen ? 'modelInfo.batchOpen' : 'modelInfo.batchFixed'));
  fact(
    table,
    text('modelInfo.macs'),
    macs === null
      ? text('modelInfo.unknown')
      : text('modelInfo.macsOf', { macs: inShort(macs), dims: dims.join(', ') }),
  );
  fact(
    table,
    text('modelInfo.parameters'),
    `${description.parameters.toLocaleString()} (${inBytes(description.parameterBytes)})`,
  );
  fact(table, text('modelInfo.operators'), operatorsOf(description));
  const versions = opsets.map(({ domain, version }) => `${domain === '' ? 'opset' : domain} ${version}`);
  const file = [inBytes(description.fileBytes), ...versions, `IR ${irVersion}`, producer].filter((part) => part !== '');
  fact(table, text('modelInfo.file'), file.join(', '));
  fact(table, text('modelInfo.external'), ...externalFiles);
  fact(table, 'SHA-256', $('<span>').text(description.sha256).css(monospace));
  return table;
}

function cutRow({ firstNode, label, crossing, bytes, macsBefore }: Cut): JQuery {
  const row = $('<tr>');
  const column = (): JQuery => $('<td>').css(cell).appendTo(row);
  column().text(firstNode);
  column().text(label).css({ overflowWrap: 'anywhere' });
  const handed = column();
  for (const tensor of crossing) $('<div>').text(typeOf(tensor)).attr('title', tensor.name).appendTo(handed);
  column().text(inBytes(bytes)).css({ whiteSpace: 'nowrap' });
  column().text(inPercent(macsBefore)).css({ whiteSpace: 'nowrap' });
  return row;
}

/** Folded: there may be hundreds. The rows are made when somebody wants to see them. */
function cutsOf({ cuts, cutsNotOffered }: Description, text: Text): JQuery {
  const details = $('<details>').css({ borderTop: border, padding: '6px 0' });
  $('<summary>')
    .text(text('modelInfo.cuts', { offered: cuts.length, further: cutsNotOffered }))
    .css({ cursor: 'pointer' })
    .appendTo(details);
  details.one('toggle', () => {
    const head = $('<tr>');
    for (const name of ['node', 'begins', 'handsOver', 'bytes', 'before']) {
      $('<th scope="col">')
        .text(text(`modelInfo.cut.${name}`))
        .css(cell)
        .appendTo(head);
    }
    $('<table>')
      .css({ width: '100%', borderCollapse: 'collapse', marginTop: '6px' })
      .append($('<thead>').append(head), $('<tbody>').append(...cuts.map(cutRow)))
      .appendTo(details);
  });
  return details;
}

function notice(icon: string, text: string): JQuery {
  const line = $('<div class="ecomap-model-notice">').css({ display: 'flex', gap: '6px', padding: '3px 0' });
  $('<i class="fa fa-fw" aria-hidden="true">')
    .addClass(icon)
    .css({ flex: 'none', lineHeight: 'inherit' })
    .appendTo(line);
  return line.append($('<span>').text(text).css({ overflowWrap: 'anywhere' }));
}

/** @returns where what it should cost here is shown */
function showDescription(place: JQuery, description: Description, text: Text): JQuery {
  place.empty();
  for (const warning of description.warnings) place.append(notice('fa-exclamation-triangle', warning.text));
  const cost = $('<div class="ecomap-model-cost">').append(notice('fa-clock-o', text('modelInfo.waiting')));
  const facts = factsOf(description, text);
  fact(facts, text('modelInfo.costHere'), cost);
  place.append(facts);
  if (description.cuts.length > 0) place.append(cutsOf(description, text));
  return cost;
}

/** The code and the words of an answer that is an error, or that there was none. */
function problemOf(response: JQuery.jqXHR, text: Text): string {
  if (response.status === 401 || response.status === 403) return text('modelInfo.forbidden');
  const body = response.responseJSON as { code?: string; message?: string } | undefined;
  return body?.message === undefined ? text('modelInfo.failed') : `${body.code ?? ''}: ${body.message}`;
}

/** Says what is being done and, from the first second on, for how long. Returns how to stop. */
function showProgress(place: JQuery, text: Text): () => void {
  const started = performance.now();
  const line = notice('fa-spinner fa-spin', text('modelInfo.looking'));
  place.empty().append(line);
  const timer = setInterval(() => {
    const seconds = Math.floor((performance.now() - started) / 1000);
    if (!document.contains(line[0] ?? null)) clearInterval(timer);
    else if (seconds > 0) line.children('span').text(text('modelInfo.lookingFor', { seconds }));
  }, 250);
  return () => clearInterval(timer);
}

function ask<Answer>(what: 'describe' | 'predict', variant: VariantFile, inputDims: string): JQuery.jqXHR<Answer> {
  return $.ajax({
    url: `ecomap/tenant/${what}`,
    method: 'POST',
    contentType: 'application/json',
    data: JSON.stringify({ path: variant.path, sha256: variant.sha256 ?? '', inputDims }),
  }) as JQuery.jqXHR<Answer>;
}

/** @returns where what it should cost here is shown; null where it could not be described */
async function describe(place: JQuery, variant: VariantFile, inputDims: string, text: Text): Promise<JQuery | null> {
  const stop = showProgress(place, text);
  try {
    return showDescription(place, await ask<Description>('describe', variant, inputDims), text);
  } catch (response) {
    place.empty().append(notice('fa-times-circle', problemOf(response as JQuery.jqXHR, text)));
    return null;
  } finally {
    stop();
  }
}

/** Shows what a model should cost on each class of components whose operators were measured on this machine. */
async function predict(place: JQuery, variant: VariantFile, inputDims: string, text: Text): Promise<void> {
  place.empty().append(notice('fa-spinner fa-spin', text('modelInfo.predicting')));
  try {
    const { costs, warnings } = await ask<Prediction>('predict', variant, inputDims);
    place.empty();
    for (const warning of warnings) place.append(notice('fa-exclamation-triangle', warning));
    for (const cost of costs) $('<div>').text(costOf(cost, text)).appendTo(place);
    if (costs.length === 0) {
      const command = $('<code>').text('npx ecomap-doctor --measure-operators').css({ whiteSpace: 'normal' });
      $('<div>')
        .append(document.createTextNode(`${text('modelInfo.costUnknown')} `), command)
        .appendTo(place);
    }
  } catch (response) {
    place.empty().append(notice('fa-times-circle', problemOf(response as JQuery.jqXHR, text)));
  }
}

/** "cpu-2t: 3.21 ms, 45.2 mJ per inference (modelled, not measured: 98 % by operators measured here)" */
function costOf(
  { componentClass, latencyMs, energyJ, coveredShare, unknownOperators }: ModelledCost,
  text: Text,
): string {
  const values = {
    component: componentClass,
    latencyMs: latencyMs.toPrecision(3),
    energyMj: (1000 * energyJ).toPrecision(3),
    covered: Math.round(100 * coveredShare),
    left: unknownOperators,
  };
  return text(unknownOperators === 0 ? 'modelInfo.costOf' : 'modelInfo.costWithout', values);
}

async function modelsOf({ source, ...own }: ModelsOfForm): Promise<Omit<ModelsOfForm, 'source'>> {
  if (source === 'own') return own;
  return (await $.getJSON(`ecomap/tenant/family/${encodeURIComponent(source)}`)) as Omit<ModelsOfForm, 'source'>;
}

/**
 * Describes the variants of the form one after the other, each in its place, then predicts what they cost on this machine. A later call takes over from an earlier one; a
 * closed form ends it.
 */
export async function showModelInfo(list: JQuery, form: ModelsOfForm, text: Text): Promise<void> {
  const call = Number(list.data('call') ?? 0) + 1;
  list.data('call', call).empty();
  const isLatest = (): boolean => list.data('call') === call && document.contains(list[0] ?? null);
  const failed = (response: unknown): void => {
    if (isLatest()) list.empty().append(notice('fa-times-circle', problemOf(response as JQuery.jqXHR, text)));
  };
  const models = await modelsOf(form).catch(failed);
  if (models === undefined || !isLatest()) return;
  if (models.variants.length === 0) list.append(notice('fa-info-circle', text('modelInfo.none')));
  const places = models.variants.map(({ name, path }) => {
    const section = $('<section>').css({ marginBottom: '18px' }).appendTo(list);
    const heading = $('<h4>').css({ margin: '0 0 4px' }).appendTo(section);
    $('<span>').text(name).appendTo(heading);
    $('<small>')
      .text(` ${path.split(/[\\/]/).at(-1) ?? ''}`)
      .attr('title', path)
      .appendTo(heading);
    return $('<div>')
      .append(notice('fa-clock-o', text('modelInfo.waiting')))
      .appendTo(section);
  });
  const described: { readonly variant: VariantFile; readonly cost: JQuery }[] = [];
  for (const [index, variant] of models.variants.entries()) {
    const place = places[index];
    if (place === undefined || !isLatest()) return;
    const cost = await describe(place, variant, models.inputDims, text);
    if (cost !== null) described.push({ variant, cost });
  }
  // What the models are comes first: that takes no second process.
  for (const { variant, cost } of described) {
    if (!isLatest()) return;
    await predict(cost, variant, models.inputDims, text);
  }
}
