// Brings the page up to date when the platform says that something has changed. Without it
// everything works, and the page shows what was there when it was opened.
(() => {
  'use strict';
  const notice = document.getElementById('stale');
  let source = null, timer = 0;

  const say = (text) => { notice.textContent = text; notice.hidden = false; };

  // entering: somebody is in a form, which must not change under their hands.
  const entering = () => {
    const part = document.querySelector('[data-part=page]');
    if (part.contains(document.activeElement) && document.activeElement.matches('input, select, textarea')) return true;
    return [...part.querySelectorAll('input, select, textarea')].some((f) =>
      f.type !== 'hidden' && (f.type === 'checkbox' || f.type === 'radio' ? f.checked !== f.defaultChecked
        : f.tagName === 'SELECT' ? [...f.options].some((o) => o.selected !== o.defaultSelected) && f.selectedIndex !== 0
          : f.value !== f.defaultValue));
  };

  const update = async () => {
    if (entering()) { say(notice.dataset.stale); return; }
    const answer = await fetch(location.href, { headers: { 'Console-Follows': 'true' } });
    if (!answer.ok) { say(notice.dataset.stale); return; }
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('[data-part=page]');
    const part = document.querySelector('[data-part=page]');
    if (!fresh || entering() || fresh.innerHTML === part.innerHTML) return;
    part.replaceWith(fresh);
    say(notice.dataset.changed);
  };

  const close = () => { if (source) source.close(); source = null; };
  const open = () => {
    if (source || document.hidden || !document.body.dataset.live) return;
    source = new EventSource(document.body.dataset.live);
    source.addEventListener('change', (event) => {
      const at = new URL(document.body.dataset.live, location.href);
      at.searchParams.set('mark', event.lastEventId);
      document.body.dataset.live = at.pathname + at.search;
      clearTimeout(timer); // many pages are not to ask at the same instant
      timer = setTimeout(() => update().catch(() => say(notice.dataset.stale)), Math.random() * 300);
    });
  };
  // A browser allows few connections: a page that nobody sees needs none.
  document.addEventListener('visibilitychange', () => { if (document.hidden) close(); else open(); });
  addEventListener('pagehide', close);
  open();
})();
