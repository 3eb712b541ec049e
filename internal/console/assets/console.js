// Comfort only: every page works without it.
'use strict';
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
  const day = { day: 'numeric', month: 'short', year: 'numeric' };
  const hour = { hour: '2-digit', minute: '2-digit', hour12: false };
  const formats = {
    'datetime': { ...day, ...hour },
    'datetime-zone': { ...day, ...hour, timeZoneName: 'short' },
    'date': day,
    'shortdate': { day: 'numeric', month: 'short' },
    'time': hour,
    'time-zone': { ...hour, timeZoneName: 'short' },
  };
  const local = (iso, format) => new Intl.DateTimeFormat('en-GB', { ...(formats[format] || formats.datetime), timeZone: zone }).format(new Date(iso));

  // Times in the viewer's zone; the markup has them in UTC.
  for (const element of document.querySelectorAll('time[datetime], [data-utc]')) {
    const iso = element.getAttribute('datetime') || element.dataset.utc;
    element.textContent = local(iso, element.dataset.format);
    if (element.localName === 'time') element.title = iso.replace('T', ' ').replace('Z', ' UTC');
  }
  // So are those that drawings begin their descriptions with.
  for (const element of document.querySelectorAll('[data-stamp]')) {
    const inZone = (text) => text.replace(/^.*? UTC/, local(element.dataset.stamp, element.dataset.format || 'time'));
    if (element.hasAttribute('aria-label')) element.setAttribute('aria-label', inZone(element.getAttribute('aria-label')));
    else element.textContent = inZone(element.textContent);
  }
  for (const element of document.querySelectorAll('[data-zone]')) element.textContent = zone.replaceAll('_', ' ');
  for (const input of document.querySelectorAll('input[name=zone]')) input.value = zone;

  // A sign-in link has its code in the part of the address that is not sent.
  const token = document.getElementById('token');
  if (token && location.hash.startsWith('#cwl_')) {
    token.value = location.hash.slice(1);
    history.replaceState(null, '', location.pathname);
    for (const element of document.querySelectorAll('[data-by-link]')) element.hidden = !element.hidden;
    document.querySelector('main form button').focus();
  }

  for (const button of document.querySelectorAll('button[data-copy]')) {
    const source = document.getElementById(button.dataset.copy);
    button.hidden = !navigator.clipboard;
    button.addEventListener('click', async () => {
      const lines = [...source.querySelectorAll('p')].map((line) => line.textContent.replace(/\s+/g, ' ').trim());
      await navigator.clipboard.writeText(lines.join('\n'));
      document.getElementById('copied').textContent = 'Copied.';
    });
  }

  // What is still under way is looked at again, and shown anew when it has changed.
  const pending = document.querySelector('[data-pending]');
  if (pending) {
    const look = async () => {
      if (!document.hidden) {
        const page = await fetch(location.href).then((answer) => answer.text()).catch(() => null);
        const now = page && new DOMParser().parseFromString(page, 'text/html').querySelector('[data-pending]');
        if (page && now?.dataset.pending !== pending.dataset.pending) location.reload();
      }
      setTimeout(look, 2000);
    };
    setTimeout(look, 2000);
  }
  const follow = document.querySelector('a[data-follow]');
  if (follow) location.replace(follow.href);

  // The minutes of a chart are one stop for the keyboard; arrows move within.
  const minutes = [...document.querySelectorAll('.minutes a')];
  const shownFirst = minutes.find((minute) => minute.getAttribute('aria-current')) || minutes.find((minute) => minute.getAttribute('aria-label').includes(': bad'));
  const frame = shownFirst && shownFirst.closest('.plot');
  if (frame) frame.scrollLeft += shownFirst.getBoundingClientRect().left - frame.getBoundingClientRect().left - frame.clientWidth / 2;
  const current = Math.max(0, minutes.findIndex((minute) => minute.getAttribute('aria-current')));
  minutes.forEach((minute, i) => {
    minute.setAttribute('tabindex', i === current ? '0' : '-1');
    minute.addEventListener('keydown', (event) => {
      const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: minutes.length - 1 }[event.key];
      if (to === undefined || !minutes[to]) return;
      event.preventDefault();
      minute.setAttribute('tabindex', '-1');
      minutes[to].setAttribute('tabindex', '0');
      minutes[to].focus();
    });
  });
})();
