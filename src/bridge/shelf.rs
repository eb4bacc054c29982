//! Where backups are kept: a folder of this machine, or a bucket of a store that speaks S3.

use super::http::install_ring;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::TryStreamExt as _;
use futures_util::stream::BoxStream;
use object_store::ObjectStore;
use object_store::ObjectStoreExt as _;
use object_store::WriteMultipart;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path as Key;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::fs;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Bytes that are sent in one part; S3 takes at most ten thousand parts.
const PART: usize = 8 << 20;
/// Parts that are on their way at once.
const PARTS: usize = 4;
/// Files that are listed at most.
const LISTED: usize = 10_000;

/// How a store that speaks S3 is reached, where the environment (`AWS_…`) does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct S3 {
    /// Address of the store; none for Amazon's own.
    pub endpoint: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// Name of the access key.
    pub access_key: Option<String>,
    /// Its secret.
    pub secret_key: Option<crate::config::Secret>,
}

/// What went wrong, as a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ShelfError(String);

impl From<object_store::Error> for ShelfError {
    fn from(error: object_store::Error) -> Self {
        let mut text = error.to_string();
        text.truncate(text.floor_char_boundary(500));
        Self(format!("the store of backups: {text}"))
    }
}

/// A place that holds files by name.
#[derive(Clone, Debug)]
pub enum Shelf {
    /// A folder of this machine.
    Folder(PathBuf),
    /// What begins with a prefix in a bucket.
    Bucket {
        /// The store.
        store: Arc<dyn ObjectStore>,
        /// The prefix; empty for the whole bucket.
        prefix: Key,
    },
}

impl Shelf {
    /// The shelf that a text names: `s3://bucket/prefix`, or a folder.
    pub fn open(place: &str, s3: &S3) -> Result<Self, ShelfError> {
        let Some(rest) = place.strip_prefix("s3://") else { return Ok(Self::Folder(PathBuf::from(place))) };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        install_ring();
        let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
        if let Some(endpoint) = &s3.endpoint {
            builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
        }
        if let Some(region) = &s3.region {
            builder = builder.with_region(region);
        }
        if let (Some(name), Some(secret)) = (&s3.access_key, &s3.secret_key) {
            builder = builder.with_access_key_id(name).with_secret_access_key(secret.reveal());
        }
        let store = builder.build()?;
        Ok(Self::Bucket { store: Arc::new(store), prefix: Key::from(prefix) })
    }

    /// The folder in which a file is best made that is put here afterwards; `elsewhere` where this is no folder.
    pub fn workbench<'p>(&'p self, elsewhere: &'p Path) -> &'p Path {
        match self {
            Self::Folder(folder) => folder,
            Self::Bucket { .. } => elsewhere,
        }
    }

    /// Moves a finished file here under that name. It is there as a whole, or not at all.
    pub async fn put(&self, name: &str, file: &Path) -> Result<(), ShelfError> {
        match self {
            Self::Folder(folder) => {
                let target = folder.join(name);
                fs::rename(file, &target).await.map_err(|why| failed(&target, &why))?;
                let folder = fs::File::open(folder).await.map_err(|why| failed(folder, &why))?;
                folder.sync_all().await.map_err(|why| failed(&target, &why))
            }
            Self::Bucket { store, prefix } => {
                let sent = send(store.as_ref(), &prefix.clone().join(name), file).await;
                // It was sent, or it is of no use.
                let _ = fs::remove_file(file).await;
                sent
            }
        }
    }

    /// Where a file of that name can be read: itself, or a copy in `bench`.
    pub async fn fetch(&self, name: &str, bench: &Path) -> Result<PathBuf, ShelfError> {
        let Self::Bucket { store, prefix } = self else { return Ok(self.workbench(bench).join(name)) };
        let parts = store.get(&prefix.clone().join(name)).await?.into_stream();
        let copy = bench.join(name);
        let copied = receive(parts, &copy).await;
        if copied.is_err() {
            // Half of it is of no use.
            let _ = fs::remove_file(&copy).await;
        }
        copied.map(|()| copy)
    }

    /// The names of the files here.
    pub async fn list(&self) -> Result<Vec<String>, ShelfError> {
        match self {
            Self::Folder(folder) => list_folder(folder).await,
            Self::Bucket { store, prefix } => {
                let prefix = (!prefix.as_ref().is_empty()).then_some(prefix);
                let found: Vec<_> = store.list(prefix).take(LISTED).try_collect().await?;
                Ok(found.iter().filter_map(|one| one.location.filename().map(str::to_owned)).collect())
            }
        }
    }

    /// Removes a file.
    pub async fn remove(&self, name: &str) -> Result<(), ShelfError> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                fs::remove_file(&path).await.map_err(|why| failed(&path, &why))
            }
            Self::Bucket { store, prefix } => Ok(store.delete(&prefix.clone().join(name)).await?),
        }
    }
}

async fn list_folder(folder: &Path) -> Result<Vec<String>, ShelfError> {
    let mut entries = match fs::read_dir(folder).await {
        Ok(entries) => entries,
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(why) => return Err(failed(folder, &why)),
    };
    let mut names = Vec::new();
    while let Some(entry) = entries.next_entry().await.map_err(|why| failed(folder, &why))? {
        if names.len() < LISTED {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

async fn receive(mut parts: BoxStream<'_, object_store::Result<Bytes>>, path: &Path) -> Result<(), ShelfError> {
    let mut file = fs::File::create(path).await.map_err(|why| failed(path, &why))?;
    while let Some(part) = parts.next().await {
        file.write_all(&part?).await.map_err(|why| failed(path, &why))?;
    }
    file.flush().await.map_err(|why| failed(path, &why))
}

/// Sends a file in parts; what was begun is taken back where it does not end.
async fn send(store: &dyn ObjectStore, key: &Key, path: &Path) -> Result<(), ShelfError> {
    let mut file = fs::File::open(path).await.map_err(|why| failed(path, &why))?;
    let mut upload = WriteMultipart::new_with_chunk_size(store.put_multipart(key).await?, PART);
    let mut piece = vec![0_u8; 1 << 16];
    loop {
        let read = match file.read(&mut piece).await {
            Ok(0) => break,
            Ok(read) => read,
            Err(why) => {
                upload.abort().await?;
                return Err(failed(path, &why));
            }
        };
        upload.wait_for_capacity(PARTS).await?;
        upload.write(&piece[..read]);
    }
    upload.finish().await?;
    Ok(())
}

fn failed(path: &Path, why: &std::io::Error) -> ShelfError {
    ShelfError(format!("{}: {why}", path.display()))
}
