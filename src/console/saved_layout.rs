//! What a console remembers between runs: layout, filters, warnings only. One small file in the state home of the account;
//! a file that can't be read is kept aside with a word, and never keeps a console from starting.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::app::Console;
use super::pane::Pane;
use crate::model::filter::Filter;

/// The most bytes of the file; it is written with a few hundred.
const MOST_BYTES: u64 = 64 * 1024;
/// Files that could not be read are kept beside it, so many; the last place is used again.
const MOST_ASIDE: usize = 9;
const HEAD: &str = "# How this console was left. Delete the file to begin anew; `warroom --fresh` leaves it alone.\n";

/// How the panes stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Never a hidden one; `None` = the console's own first choice.
    pub focus: Option<Pane>,
    /// Never the timeline or a hidden one; `None` = as the console has it.
    pub upper: Option<Pane>,
    /// Two different panes, neither hidden nor the timeline; `None` = not split.
    pub split: Option<[Pane; 2]>,
    /// Never all of them.
    pub hidden: BTreeSet<Pane>,
    /// The pane in focus has the whole screen.
    pub zoom: bool,
    /// Only what is wrong is shown; said at the next start, for rows are missing.
    pub warnings: bool,
    /// Only of panes that have one; said at the next start, for rows are missing.
    pub filters: BTreeMap<Pane, Filter>,
}

/// The file's own shape.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LayoutFile {
    version: u32,
    focus: Option<String>,
    upper: Option<String>,
    split: Option<[String; 2]>,
    hidden: Vec<String>,
    zoom: bool,
    warnings: bool,
    filters: BTreeMap<String, String>,
}

fn pane(name: &str) -> Result<Pane, String> {
    Pane::by_id(name).ok_or_else(|| format!("there is no pane {name}"))
}

impl Layout {
    /// As it is now.
    pub fn of(app: &Console) -> Self {
        let filters = Pane::ALL.iter().copied().filter_map(|pane| Some((pane, app.pane(pane).filter.clone()?)));
        Self {
            focus: Some(app.focus),
            upper: Some(app.upper),
            split: app.split,
            hidden: app.hidden.clone(),
            zoom: app.zoom,
            warnings: app.warnings,
            filters: filters.collect(),
        }
    }

    /// Puts it back. Returns what the person must know at once: rows may be missing.
    pub fn restore(&self, app: &mut Console) -> Option<String> {
        app.hidden = self.hidden.clone();
        app.split = self.split;
        app.upper = self.upper.unwrap_or(app.upper);
        app.focus = self.focus.unwrap_or(app.focus);
        app.zoom = self.zoom;
        app.warnings = self.warnings;
        for (pane, filter) in &self.filters {
            app.pane_mut(*pane).filter = Some(filter.clone());
        }
        let titles = |panes: Vec<Pane>| panes.into_iter().map(Pane::title).collect::<Vec<_>>().join(", ");
        let parts = [
            (!self.filters.is_empty()).then(|| format!("filtered: {}", titles(self.filters.keys().copied().collect()))),
            (!self.hidden.is_empty()).then(|| format!("hidden: {}", titles(self.hidden.iter().copied().collect()))),
            self.warnings.then(|| "warnings only".to_owned()),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| format!("As you left it: {}.", parts.join(" · ")))
    }

    /// Reads the file's text.
    ///
    /// # Errors
    /// Why it is not one of ours, in one line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: LayoutFile = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        if file.version != 1 {
            return Err(format!("version {} is not known", file.version));
        }
        let filter = |(of, text): (&String, &String)| {
            let filter = Filter::parse(text).map_err(|error| format!("filter of {of}: {error}"))?;
            Ok::<_, String>((pane(of)?, filter))
        };
        let split = match &file.split {
            Some([a, b]) => Some([pane(a)?, pane(b)?]),
            None => None,
        };
        let hidden: BTreeSet<Pane> = file.hidden.iter().map(|it| pane(it)).collect::<Result<_, _>>()?;
        let shown = |it: &Option<String>| match it {
            Some(it) => pane(it).map(|it| Some(it).filter(|it| !hidden.contains(it))),
            None => Ok(None),
        };
        if hidden.len() == Pane::ALL.len() {
            return Err("every pane is hidden".to_owned());
        }
        Ok(Self {
            focus: shown(&file.focus)?.or_else(|| Pane::ALL.iter().copied().find(|it| !hidden.contains(it))),
            upper: shown(&file.upper)?.filter(|it| *it != Pane::Timeline),
            split: split
                .filter(|[a, b]| a != b && ![a, b].iter().any(|it| hidden.contains(it) || **it == Pane::Timeline)),
            hidden,
            zoom: file.zoom,
            warnings: file.warnings,
            filters: file.filters.iter().map(filter).collect::<Result<_, _>>()?,
        })
    }

    /// The file's text.
    pub fn to_toml(&self) -> String {
        let id = |pane: Pane| pane.id().to_owned();
        let file = LayoutFile {
            version: 1,
            focus: self.focus.map(id),
            upper: self.upper.map(id),
            split: self.split.map(|pair| pair.map(id)),
            hidden: self.hidden.iter().copied().map(id).collect(),
            zoom: self.zoom,
            warnings: self.warnings,
            filters: self
                .filters
                .iter()
                .map(|(pane, filter)| (pane.id().to_owned(), filter.text().to_owned()))
                .collect(),
        };
        // Strings, booleans and tables of them: there is nothing in it that could not be written.
        format!("{HEAD}{}", toml::to_string(&file).unwrap_or_default())
    }
}

/// The file.
#[derive(Clone, Debug)]
pub struct LayoutStore {
    path: PathBuf,
}

impl LayoutStore {
    /// Remembers in this file.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// What was remembered; or a word on why it was not.
    pub fn read(&self) -> Result<Option<Layout>, String> {
        let text = match read_bounded(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.set_aside(&error.to_string())),
        };
        Layout::parse(&text).map(Some).map_err(|why| self.set_aside(&why))
    }

    fn set_aside(&self, why: &str) -> String {
        let free = |aside: &PathBuf| fs::symlink_metadata(aside).is_err();
        let names = (1..=MOST_ASIDE).map(|n| if n == 1 { "toml.bad".to_owned() } else { format!("toml.bad{n}") });
        let asides: Vec<PathBuf> = names.map(|name| self.path.with_extension(name)).collect();
        let Some(aside) = asides.iter().find(|it| free(it)).or(asides.last()) else { return why.to_owned() };
        let kept = match fs::rename(&self.path, aside) {
            Ok(()) => format!("kept as {}", aside.display()),
            Err(_) => "left where it is".to_owned(),
        };
        format!("The remembered layout can't be read ({why}): {kept}; the usual one is shown.")
    }

    /// Writes it whole or not at all.
    ///
    /// # Errors
    /// If the directory can't be written; nothing is lost but the memory of a layout.
    pub fn write(&self, layout: &Layout) -> io::Result<()> {
        if let Some(dir) = self.path.parent() {
            // It is the directory in which a room keeps its log, and that refuses one that others may enter.
            fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        let beside = self.path.with_extension(format!("toml.{}", std::process::id()));
        // What lies there is of a console that was killed; a link of that name is not followed.
        let _ = fs::remove_file(&beside);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        let done = file
            .write_all(layout.to_toml().as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&beside, &self.path));
        if done.is_err() {
            let _ = fs::remove_file(&beside);
        }
        done
    }
}

/// Writes behind the console's back: a home that hangs must not hold a frame. Only the newest layout is written.
pub struct Scribe {
    newest: watch::Sender<Option<Layout>>,
    task: JoinHandle<()>,
}

/// How long leaving waits for the last layout to be written.
const PATIENCE: Duration = Duration::from_millis(300);

impl Scribe {
    /// Begins.
    pub fn start(keeper: LayoutStore) -> Self {
        let (newest, mut told) = watch::channel(None::<Layout>);
        let task = tokio::spawn(async move {
            while told.changed().await.is_ok() {
                let Some(layout) = told.borrow_and_update().clone() else { continue };
                let keeper = keeper.clone();
                let written = tokio::task::spawn_blocking(move || keeper.write(&layout)).await;
                if let Ok(Err(error)) = written {
                    tracing::warn!(%error, "the layout can't be remembered");
                }
            }
        });
        Self { newest, task }
    }

    /// This is how the panes stand.
    pub fn remember(&self, layout: Layout) {
        self.newest.send_replace(Some(layout));
    }

    /// Ends, when the last one is written or takes too long.
    pub async fn finish(self) {
        drop(self.newest);
        let _ = tokio::time::timeout(PATIENCE, self.task).await;
    }
}

fn read_bounded(path: &Path) -> io::Result<String> {
    // A pipe without a writer must not hold the start of a console up.
    let wait_not = nix::fcntl::OFlag::O_NONBLOCK.bits();
    let file = fs::OpenOptions::new().read(true).custom_flags(wait_not).open(path)?;
    let not_ours = |why| Err(io::Error::new(io::ErrorKind::InvalidData, why));
    if !file.metadata()?.is_file() {
        return not_ours("it is no regular file");
    }
    let mut text = String::new();
    // Bounded by what is read: a file can grow after it was measured.
    file.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MOST_BYTES {
        return not_ours("it is too long to be one");
    }
    Ok(text)
}
