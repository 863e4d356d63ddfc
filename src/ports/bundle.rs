use std::path::PathBuf;

use super::store::StoreError;

/// A file of an incident bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleFile {
    /// Its name, without a directory.
    pub name: &'static str,
    /// Its content.
    pub content: Vec<u8>,
}

/// Where incident bundles go.
pub trait BundleStore: Send + Sync {
    /// Writes a directory with these files, readable by its owner only: whole and durable when this returns, or not there.
    ///
    /// # Errors
    /// [`StoreError::Io`] when it cannot be written, or when `directory` is there already.
    fn write_bundle(&self, directory: &str, files: &[BundleFile]) -> Result<PathBuf, StoreError>;
    /// Removes all but the `count` bundles that were written last.
    ///
    /// # Errors
    /// [`StoreError::Io`] when one cannot be removed; the others are.
    fn keep_newest(&self, count: usize) -> Result<(), StoreError>;
}
