//! What the stand-ins remember, in memory and, where a file is named, on disk.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::{Shop, midtrans, telegram, whatsapp};

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    /// Those that were opened over the wire.
    pub(crate) accounts: Vec<Shop>,
    pub(crate) telegram: telegram::State,
    pub(crate) midtrans: midtrans::State,
    pub(crate) whatsapp: whatsapp::State,
}

pub(crate) struct Store {
    state: Mutex<State>,
    file: Option<PathBuf>,
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store {
    pub(crate) fn open(file: Option<PathBuf>) -> io::Result<Self> {
        let state = match &file {
            None => State::default(),
            Some(path) => match fs::read(path) {
                Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::other)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => State::default(),
                Err(error) => return Err(error),
            },
        };
        Ok(Self {
            state: Mutex::new(state),
            file,
        })
    }

    pub(crate) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&locked(&self.state))
    }

    /// The file is written under the lock, so that an older state never overwrites a newer one.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = locked(&self.state);
        let result = change(&mut state);
        if let Err(error) = self.save(&state) {
            tracing::error!(%error, "the stand-ins' state was not written");
        }
        result
    }

    fn save(&self, state: &State) -> io::Result<()> {
        let Some(path) = &self.file else {
            return Ok(());
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let fresh = path.with_extension("new");
        fs::write(&fresh, serde_json::to_vec(state)?)?;
        fs::rename(fresh, path)
    }
}
