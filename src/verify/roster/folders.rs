//! The folders' keys: every epoch in the order of publication, found by its key and by its folder.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::codec::{CaseTag, Folder, FolderKeyId};
use crate::verify::roster::FolderEpoch;

/// Every epoch of every folder.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Vec<FolderEpoch>", into = "Vec<FolderEpoch>")]
pub(super) struct Folders {
    epochs: Vec<FolderEpoch>,
    by_key: HashMap<FolderKeyId, usize>,
    newest: HashMap<(Option<CaseTag>, Folder), usize>,
}

impl From<Vec<FolderEpoch>> for Folders {
    fn from(epochs: Vec<FolderEpoch>) -> Self {
        let mut folders = Folders::default();
        epochs.into_iter().for_each(|epoch| folders.push(epoch));
        folders
    }
}

impl From<Folders> for Vec<FolderEpoch> {
    fn from(folders: Folders) -> Self {
        folders.epochs
    }
}

impl Folders {
    /// Returns the epoch of a key.
    pub(super) fn get(&self, id: &FolderKeyId) -> Option<&FolderEpoch> {
        self.epochs.get(*self.by_key.get(id)?)
    }

    /// Returns the newest epoch of a folder.
    pub(super) fn newest(&self, case: Option<CaseTag>, folder: Folder) -> Option<&FolderEpoch> {
        self.epochs.get(*self.newest.get(&(case, folder))?)
    }

    /// Takes in the next epoch of its folder, whose key was never published before: the one so far is replaced by its entry.
    pub(super) fn publish(&mut self, epoch: FolderEpoch) {
        let before = self.newest.get(&(epoch.case, epoch.folder)).and_then(|at| self.epochs.get_mut(*at));
        if let Some(before) = before {
            before.replaced = Some(epoch.entry);
        }
        self.push(epoch);
    }

    fn push(&mut self, epoch: FolderEpoch) {
        let at = self.epochs.len();
        self.by_key.insert(epoch.key.id(), at);
        self.newest.insert((epoch.case, epoch.folder), at);
        self.epochs.push(epoch);
    }

    /// Returns every epoch in the order of publication.
    pub(super) fn all(&self) -> &[FolderEpoch] {
        &self.epochs
    }

    /// Returns the ids of every key, in no order.
    pub(super) fn ids(&self) -> impl Iterator<Item = &FolderKeyId> {
        self.by_key.keys()
    }

    /// Returns the ids of the keys of epochs of some sort, in no order.
    pub(super) fn ids_of(&self, such: impl Fn(&FolderEpoch) -> bool) -> impl Iterator<Item = &FolderKeyId> {
        self.by_key.iter().filter(move |(_, at)| self.epochs.get(**at).is_some_and(&such)).map(|(id, _)| id)
    }
}
