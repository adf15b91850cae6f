import type { CalibrationStatus } from '../../src/signals/calibration';
import { activePhases, isUnderWay, roughly } from '../shared/calibration-progress';
import { calibrationReport } from './calibration-report';
import { notice } from './data-table';

/** The answer of `ecomap/device/ID/calibration`; see nodes/device/calibration-routes.ts. */
interface CalibrationOfDevice {
  deployed: boolean;
  offer: { by: string; tenants: string[]; samples: number } | null;
  status: CalibrationStatus | null;
}

type Text = (key: string, values?: Readonly<Record<string, string | number>>) => string;

/** Where the parts go; they stay where they are while what they say changes. */
export interface CalibrationPlaces {
  /** Who measures, or what is missing. */
  readonly offer: JQuery;
  readonly start: JQuery;
  readonly cancel: JQuery;
  readonly progress: JQuery;
  /** What is done right now, or what went wrong. */
  readonly state: JQuery;
  /** Why the runtime did not do what was asked. */
  readonly problem: JQuery;
  readonly report: JQuery;
}

const underWayEveryMs = 1000;
const elseEveryMs = 4000;
/** A calibration takes a moment to begin and to end. */
const watchedAfterClickMs = 10_000;

/** Writes only what is new: what stands there already is not read out again. */
function put(place: JQuery, key: string, parts: () => JQuery[]): void {
  if (place.data('shown') === key) return;
  place.data('shown', key).empty().append(parts());
}

function drawOffer(place: JQuery, { deployed, offer, status }: CalibrationOfDevice, text: Text): void {
  const say = (icon: string, words: string): void => put(place, words, () => [notice(icon, words)]);
  if (!deployed) return say('fa-info-circle', text('calibrate.notDeployed'));
  if (offer === null) return say('fa-info-circle', text('calibrate.nobody'));
  const words = [text('calibrate.offer', { samples: offer.samples, tenants: offer.tenants.join(', '), by: offer.by })];
  const left = status?.phase === 'idle' ? status.secondsLeft : null;
  if (left !== null) words.push(text('calibrate.takes', { time: timeOf(left, text) }));
  say('fa-sitemap', words.join(' '));
}

function timeOf(seconds: number, text: Text): string {
  const { unit, count } = roughly(seconds);
  return text(`calibrate.${unit}`, { count });
}

/** The phases in a row, of which each takes a part of the bar that fills with it. */
function drawProgress(place: JQuery, status: CalibrationStatus, text: Text): void {
  const { phase, done, total, secondsLeft } = status;
  const at = activePhases.findIndex((each) => each === phase);
  place.toggle(at >= 0);
  if (at < 0) return;
  const share = total > 0 ? Math.min(1, done / total) : 0;
  const count = total > 0 ? text('calibrate.count', { done, total }) : '';
  const left = secondsLeft === null ? '' : text('calibrate.left', { time: timeOf(secondsLeft, text) });
  const words = [text(`calibrate.phase.${phase}`), count, left].filter((part) => part !== '').join(', ');
  const step = text('calibrate.step', { step: at + 1, of: activePhases.length });
  place.find('.ecomap-calibration-words').text(`${step}: ${words}`);
  place
    .find('[role=progressbar]')
    .attr({ 'aria-valuemin': 0, 'aria-valuemax': total, 'aria-valuenow': done, 'aria-valuetext': words })
    .children()
    .css({ width: `${(100 * share).toFixed(1)}%` });
}

const stateIcons: Partial<Record<CalibrationStatus['phase'], string>> = {
  failed: 'fa-exclamation-triangle',
  interrupted: 'fa-pause-circle',
  cancelled: 'fa-stop-circle',
};

function drawState(place: JQuery, { phase, done, total, text: words, code }: CalibrationStatus, text: Text): void {
  const icon = stateIcons[phase];
  if (icon === undefined) {
    const says = isUnderWay({ phase }) && words !== '';
    return put(place, `${phase} ${words}`, () => (says ? [$('<p>').text(words).css({ margin: 0 })] : []));
  }
  const detail = code === null ? words : `${code}: ${words}`;
  const said = text(`calibrate.phase.${phase}`, { done, total, detail });
  put(place, said, () => [notice(icon, said)]);
}

/**
 * Shows how the calibration of a deployed device gets on, for as long as the form is open and the place can be seen, and starts
 * and cancels it.
 * @returns how to ask at once
 */
export function showCalibration(places: CalibrationPlaces, id: string, text: Text): () => void {
  const url = `ecomap/device/${encodeURIComponent(id)}/calibration`;
  let isAsking = false;
  let askedAtMs = 0;
  let clickedAtMs = -Infinity;
  let everyMs = underWayEveryMs;

  const draw = (state: CalibrationOfDevice): void => {
    const { offer, status } = state;
    const underWay = status !== null && isUnderWay(status);
    const isWatched = underWay || performance.now() - clickedAtMs < watchedAfterClickMs;
    everyMs = isWatched ? underWayEveryMs : elseEveryMs;
    drawOffer(places.offer, state, text);
    const hadFocus = places.start.add(places.cancel).is(document.activeElement ?? document.body);
    places.start.toggle(offer !== null && !underWay);
    places.cancel.toggle(underWay);
    if (hadFocus) (underWay ? places.cancel : places.start).trigger('focus');
    if (status === null) {
      places.progress.hide();
      put(places.state, '', () => []);
      put(places.report, '', () => []);
      places.report.closest('section').hide();
      return;
    }
    const isOpen = status.phase === 'interrupted' || status.phase === 'cancelled';
    const again = isOpen ? 'goOn' : status.summary === null ? 'start' : 'again';
    places.start.find('span').text(text(`calibrate.${again}`));
    drawProgress(places.progress, status, text);
    drawState(places.state, status, text);
    const { summary } = status;
    places.report.closest('section').toggle(summary !== null);
    put(places.report, summary?.finishedAt ?? '', () => (summary === null ? [] : calibrationReport(summary, text)));
  };

  /** A refusal stands until the next click; that nobody answered, until somebody does. */
  let isRefusal = false;
  const clear = (): void => put(places.problem, '', () => []);
  const problem = (response: JQuery.jqXHR, otherwise: 'refused' | 'unreachable'): void => {
    isRefusal = otherwise === 'refused';
    const { code, message } = (response.responseJSON ?? {}) as { code?: string; message?: string };
    const words = code === undefined ? text(`calibrate.${otherwise}`) : `${code}: ${message ?? ''}`;
    put(places.problem, words, () => [notice('fa-times-circle', words)]);
  };

  const ask = (): void => {
    if (isAsking || !places.offer.is(':visible')) return;
    isAsking = true;
    askedAtMs = performance.now();
    $.getJSON(url)
      .done((state: CalibrationOfDevice) => {
        if (!isRefusal) clear();
        draw(state);
      })
      .fail((response: JQuery.jqXHR) => problem(response, 'unreachable'))
      .always(() => {
        isAsking = false;
      });
  };

  let isTelling = false;
  const tell = (action: 'start' | 'cancel') => (): void => {
    if (isTelling) return;
    isTelling = true;
    clickedAtMs = performance.now();
    isRefusal = false;
    clear();
    $.ajax({ url, method: 'POST', contentType: 'application/json', data: JSON.stringify({ action }) })
      .done(draw)
      .fail((response: JQuery.jqXHR) => problem(response, 'refused'))
      .always(() => {
        isTelling = false;
      });
  };
  places.start.on('click', tell('start'));
  places.cancel.on('click', tell('cancel'));

  const timer = setInterval(() => {
    if (!document.contains(places.offer[0] ?? null)) clearInterval(timer);
    else if (performance.now() - askedAtMs >= everyMs - 50) ask();
  }, underWayEveryMs);
  return ask;
}
