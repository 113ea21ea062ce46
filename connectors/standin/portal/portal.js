// The portal's own script: the box that marks all rows, French words for Gantry's buttons, a list of what they tell.

const all = document.getElementById('all');
all?.addEventListener('change', () => {
  for (const box of document.querySelectorAll('#results tbody input[type=checkbox]')) box.checked = all.checked;
});

const told = document.getElementById('told');
for (const type of ['ready', 'accepted', 'unavailable', 'error']) {
  document.addEventListener(`gantry:${type}`, ({ detail }) => { told.value += `${type}${detail.action ? ` ${detail.action}` : ''}${detail.count ? ` ${detail.count}` : ''}${detail.reason ? ` ${detail.reason}` : ''}\n`; });
}

globalThis.gantry = {
  words: {
    fr: {
      'open-in-notebook': 'Ouvrir dans un notebook',
      'add-to-volume': 'Ajouter au volume de données',
      'all-open-in-notebook': 'Ouvrir la sélection dans un notebook',
      'all-add-to-volume': 'Ajouter la sélection au volume de données',
      menu: 'Actions pour {name}',
      none: 'Aucune sélection',
      first: 'Choisissez d’abord au moins un produit',
      chosen: '{n} sélectionnés',
      down: 'Gantry est à l’arrêt',
    },
  },
};
