import { inBytes, inPercent, inShort, typeOf, type Cut, type Description } from './model-description';

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

function showDescription(place: JQuery, description: Description, text: Text): void {
  place.empty();
  for (const warning of description.warnings) place.append(notice('fa-exclamation-triangle', warning.text));
  place.append(factsOf(description, text));
  if (description.cuts.length > 0) place.append(cutsOf(description, text));
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

async function describe(place: JQuery, variant: VariantFile, inputDims: string, text: Text): Promise<void> {
  const stop = showProgress(place, text);
  try {
    const description: Description = await $.ajax({
      url: 'ecomap/tenant/describe',
      method: 'POST',
      contentType: 'application/json',
      data: JSON.stringify({ path: variant.path, sha256: variant.sha256 ?? '', inputDims }),
    });
    showDescription(place, description, text);
  } catch (response) {
    place.empty().append(notice('fa-times-circle', problemOf(response as JQuery.jqXHR, text)));
  } finally {
    stop();
  }
}

async function modelsOf({ source, ...own }: ModelsOfForm): Promise<Omit<ModelsOfForm, 'source'>> {
  if (source === 'own') return own;
  return (await $.getJSON(`ecomap/tenant/family/${encodeURIComponent(source)}`)) as Omit<ModelsOfForm, 'source'>;
}

/**
 * Describes the variants of the form one after the other, each in its place. A later call takes over from an earlier one; a
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
  for (const [index, variant] of models.variants.entries()) {
    const place = places[index];
    if (place === undefined || !isLatest()) return;
    await describe(place, variant, models.inputDims, text);
  }
}
