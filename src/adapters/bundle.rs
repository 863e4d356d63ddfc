//! Incident bundles as directories on disk.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::ports::{BundleFile, BundleStore, StoreError};

/// A directory below which every bundle is a directory.
#[derive(Debug, Clone)]
pub struct BundleFolder {
    parent: PathBuf,
}

impl BundleFolder {
    /// `parent` is made, for its owner only, when the first bundle is written.
    pub fn new(parent: impl Into<PathBuf>) -> Self {
        Self { parent: parent.into() }
    }

    fn write(&self, target: &Path, files: &[BundleFile]) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.parent)?;
        // Removed with all it holds when dropped before the rename.
        let unfinished = tempfile::Builder::new()
            .prefix(".bundle-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(&self.parent)?;
        for file in files {
            let path = unfinished.path().join(file.name);
            let mut writer = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            writer.write_all(&file.content)?;
            writer.sync_all()?;
        }
        File::open(unfinished.path())?.sync_all()?;
        renameat_with(CWD, unfinished.path(), CWD, target, RenameFlags::NOREPLACE)?;
        // Nothing is left at the temporary name for the drop to remove.
        let _ = unfinished.keep();
        File::open(&self.parent)?.sync_all()
    }
}

impl BundleStore for BundleFolder {
    fn write_bundle(&self, directory: &str, files: &[BundleFile]) -> Result<PathBuf, StoreError> {
        let target = self.parent.join(directory);
        self.write(&target, files)
            .map(|()| target.clone())
            .map_err(|error| StoreError::Io(format!("incident bundle {}: {error}", target.display())))
    }

    fn keep_newest(&self, count: usize) -> Result<(), StoreError> {
        let failed = |path: &Path, error: &io::Error| StoreError::Io(format!("{}: {error}", path.display()));
        let mut bundles = Vec::new();
        for entry in std::fs::read_dir(&self.parent).map_err(|error| failed(&self.parent, &error))?.flatten() {
            // Nothing else is ever touched.
            let ours = entry.file_name().to_string_lossy().starts_with("incident-");
            if let Ok(written) = entry.metadata().and_then(|meta| meta.modified())
                && ours
            {
                bundles.push((written, entry.path()));
            }
        }
        bundles.sort();
        let mut worst = Ok(());
        for (_, path) in bundles.iter().rev().skip(count) {
            worst = worst.and(std::fs::remove_dir_all(path).map_err(|error| failed(path, &error)));
        }
        worst
    }
}
