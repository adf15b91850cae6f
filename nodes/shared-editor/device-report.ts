import { notice } from './data-table';
import { componentTable, type Component } from './device-inspection';

interface Finding {
  level: 'ok' | 'missing' | 'problem';
  text: string;
}

interface Report {
  findings: Finding[];
  components: Component[];
  now: { operatingPoint: string; enforced: string; how: string | null; hosts: number } | null;
}

const icons: Record<Finding['level'], string> = {
  ok: 'fa-check',
  missing: 'fa-minus-circle',
  problem: 'fa-exclamation-triangle',
};

/** Where the parts of a report go. */
export interface ReportPlaces {
  readonly list: JQuery;
  readonly components: JQuery;
}

type Text = (key: string, values?: Readonly<Record<string, string | number>>) => string;

function draw({ list, components }: ReportPlaces, report: Report, text: Text): void {
  list.empty();
  const line = (level: Finding['level'], content: string): void => {
    list.append($('<li>').append(notice(icons[level], content)));
  };
  for (const finding of report.findings) line(finding.level, finding.text);
  if (report.now !== null) {
    const { operatingPoint, how, hosts } = report.now;
    line('ok', `${text('report.now')}: ${operatingPoint}${how === null ? '' : ` (${how})`}`);
    line('ok', `${text('report.hosts')}: ${hosts}`);
  }
  components.empty().append(componentTable(report.components, text));
}

/** Shows what the runtime found: of the deployed device, else of this machine. */
export function showReport(
  places: ReportPlaces,
  nodeId: string,
  hardware: string,
  deployed: boolean,
  text: Text,
): void {
  const { list, components } = places;
  list.empty().append($('<li>').text(text('report.looking')));
  components.empty();
  const request = String(Number(list.data('request') ?? 0) + 1);
  list.data('request', request);
  const drawIfLatest = (report: Report): void => {
    if (list.data('request') === request) draw(places, report, text);
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
