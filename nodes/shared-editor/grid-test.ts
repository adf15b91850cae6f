type Text = (key: string, values?: Readonly<Record<string, string | number>>) => string;

interface Report {
  readonly zone: string;
  readonly signal: string;
  readonly basis: string;
  readonly intensityGPerKwh: number;
  readonly quality: string;
  readonly method: string | null;
  readonly ageMinutes: number;
  readonly coversNow: boolean;
  readonly forecastHours: number;
  readonly attribution: string;
  readonly notes: readonly string[];
}

const codesWithAdvice = ['PROVIDER_UNAUTHORIZED', 'PROVIDER_UNREACHABLE', 'INVALID_CONFIG'];

/** What the form holds now, deployed or not. */
export interface FormNow {
  readonly id: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly credentials: Readonly<Record<string, string>>;
}

function linesOf(report: Report, text: Text): string[] {
  const rounded = Math.round(report.intensityGPerKwh * 10) / 10;
  const quality = text(`quality.${report.quality}`);
  const lines = [
    text('test.value', { intensity: rounded, quality: report.method ? `${quality}, ${report.method}` : quality }),
    text('test.kind', {
      zone: report.zone,
      signal: text(`signal.${report.signal}`),
      basis: text(`basis.${report.basis}`),
    }),
    text(report.coversNow ? 'test.age' : 'test.old', { minutes: report.ageMinutes }),
    report.forecastHours > 0 ? text('test.forecast', { hours: report.forecastHours }) : text('test.noForecast'),
    report.attribution,
  ];
  return [...lines, ...report.notes];
}

/** Ties a button to a test of the connection with what is typed, and shows the answer or what went wrong and what to do. */
export function tieTest(button: JQuery, place: JQuery, formNow: () => FormNow, text: Text): void {
  let isAsking = false;
  const show = (icon: string, first: string, more: readonly string[]): void => {
    const list = $('<ul style="margin: 4px 0 0 20px">');
    for (const line of more) list.append($('<li>').text(line));
    const head = $('<div>').append($('<i class="fa">').addClass(icon).attr('aria-hidden', 'true'), ' ');
    place.empty().append(head.append($('<span>').text(first)), more.length > 0 ? list : '');
  };
  button.on('click', (event) => {
    event.preventDefault();
    if (isAsking) return;
    isAsking = true;
    show('fa-spinner fa-spin', text('test.asking'), []);
    $.ajax({
      url: 'ecomap/grid-test',
      method: 'POST',
      contentType: 'application/json',
      data: JSON.stringify(formNow()),
    })
      .done((report: Report) => {
        const [value = '', ...more] = linesOf(report, text);
        show('fa-check-circle', value, more);
      })
      .fail((response: JQuery.jqXHR) => {
        const { code, message } = (response.responseJSON ?? {}) as { code?: string; message?: string };
        const advice = code !== undefined && codesWithAdvice.includes(code) ? [text(`test.advice.${code}`)] : [];
        const failure = code === undefined ? text('test.failed', { status: response.status }) : `${code}: ${message}`;
        show('fa-times-circle', failure, advice);
      })
      .always(() => {
        isAsking = false;
      });
  });
}
