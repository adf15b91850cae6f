interface Finding {
  level: 'ok' | 'missing' | 'problem';
  text: string;
}

interface Report {
  findings: Finding[];
  now: { operatingPoint: string; enforced: string; how: string | null; hosts: number } | null;
}

const icons: Record<Finding['level'], string> = {
  ok: 'fa-check',
  missing: 'fa-minus-circle',
  problem: 'fa-exclamation-triangle',
};

function draw(list: JQuery, report: Report, text: (key: string) => string): void {
  list.empty();
  const line = (level: Finding['level'], content: string): void => {
    // The icon in a column of its own, so that long lines keep to the text.
    const item = $('<li>').css({ display: 'flex', gap: '6px', padding: '2px 0' });
    $('<i class="fa fa-fw" aria-hidden="true">')
      .addClass(icons[level])
      .css({ flex: 'none', lineHeight: 'inherit' })
      .appendTo(item);
    $('<span>').text(content).appendTo(item);
    list.append(item);
  };
  for (const finding of report.findings) line(finding.level, finding.text);
  if (report.now !== null) {
    const { operatingPoint, how, hosts } = report.now;
    line('ok', `${text('report.now')}: ${operatingPoint}${how === null ? '' : ` (${how})`}`);
    line('ok', `${text('report.hosts')}: ${hosts}`);
  }
}

/** Fills the list with what the runtime found: of the deployed device, else of this machine. */
export function showReport(
  list: JQuery,
  nodeId: string,
  hardware: string,
  deployed: boolean,
  text: (key: string) => string,
): void {
  list.empty().append($('<li>').text(text('report.looking')));
  const request = String(Number(list.data('request') ?? 0) + 1);
  list.data('request', request);
  const drawIfLatest = (report: Report): void => {
    if (list.data('request') === request) draw(list, report, text);
  };
  const detect = (): void => {
    $.getJSON('ecomap/device-detection', { hardware })
      .done(drawIfLatest)
      .fail(() => {
        if (list.data('request') === request) list.empty().append($('<li>').text(text('report.failed')));
      });
  };
  if (!deployed) detect();
  else
    $.getJSON(`ecomap/device/${encodeURIComponent(nodeId)}/report`)
      .done(drawIfLatest)
      .fail(detect);
}
