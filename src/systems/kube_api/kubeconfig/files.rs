//! The files that a kubeconfig is made of: which are read, and how they become one, as for kubectl.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use kube::config::{AuthInfo, Cluster, Kubeconfig, KubeconfigError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::trouble_of_kubeconfig;
use crate::model::suggest::nearest;
use crate::model::{SafeText, Trouble};

/// What was read.
pub(super) struct KubeconfigFiles {
    pub kubeconfig: Kubeconfig,
    /// The files that are there.
    pub read: Vec<PathBuf>,
    /// Those of `KUBECONFIG` that are not: kubectl goes on without them.
    missing: Vec<PathBuf>,
}

impl KubeconfigFiles {
    /// That some files are missing, in words.
    pub(super) fn missing_words(&self) -> Option<SafeText> {
        let missing: Vec<String> = self.missing.iter().map(|path| path.display().to_string()).collect();
        (!missing.is_empty()).then(|| SafeText::new(&format!("KUBECONFIG names {}, not there", missing.join(", "))))
    }
}

/// One file that was named: it must be there.
pub(super) fn one(path: &Path) -> Result<KubeconfigFiles, KubeconfigError> {
    let kubeconfig = plain(Kubeconfig::read_from(path)?);
    Ok(KubeconfigFiles { kubeconfig, read: vec![path.to_owned()], missing: Vec::new() })
}

/// The files of `KUBECONFIG`; without any, the one in the home directory.
pub(super) fn as_kubectl_finds_them() -> Result<KubeconfigFiles, KubeconfigError> {
    let listed = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let listed: Vec<PathBuf> = std::env::split_paths(&listed).filter(|path| !path.as_os_str().is_empty()).collect();
    if !listed.is_empty() {
        return many(&listed);
    }
    let home = std::env::home_dir().ok_or(KubeconfigError::FindPath)?;
    let path = home.join(".kube").join("config");
    match one(&path) {
        Err(KubeconfigError::ReadConfig(why, _)) if why.kind() == ErrorKind::NotFound => match in_a_pod() {
            true => Ok(KubeconfigFiles { kubeconfig: Kubeconfig::default(), read: Vec::new(), missing: Vec::new() }),
            false => Err(KubeconfigError::ReadConfig(why, path)),
        },
        read => read,
    }
}

fn in_a_pod() -> bool {
    std::env::var_os("KUBERNETES_SERVICE_HOST").is_some()
}

/// A list of files: what is not there is left out; what can't be read is not.
fn many(paths: &[PathBuf]) -> Result<KubeconfigFiles, KubeconfigError> {
    let mut files = KubeconfigFiles { kubeconfig: Kubeconfig::default(), read: Vec::new(), missing: Vec::new() };
    for path in paths {
        match Kubeconfig::read_from(path) {
            Ok(next) => {
                files.kubeconfig = files.kubeconfig.merge(plain(next))?;
                files.read.push(path.clone());
            }
            Err(KubeconfigError::ReadConfig(why, _)) if why.kind() == ErrorKind::NotFound => {
                files.missing.push(path.clone());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(files)
}

/// A kubeconfig in which an empty field is one that is left out: programs that write kubeconfigs leave such fields.
pub(super) fn plain(mut kubeconfig: Kubeconfig) -> Kubeconfig {
    kubeconfig.current_context = kubeconfig.current_context.filter(|name| !name.is_empty());
    for named in &mut kubeconfig.clusters {
        named.cluster = named.cluster.take().map(without_blanks::<Cluster>);
    }
    for named in &mut kubeconfig.auth_infos {
        named.auth_info = named.auth_info.take().map(without_blanks::<AuthInfo>);
    }
    for context in kubeconfig.contexts.iter_mut().filter_map(|named| named.context.as_mut()) {
        context.user = context.user.take().filter(|user| !user.is_empty());
        context.namespace = context.namespace.take().filter(|namespace| !namespace.is_empty());
    }
    kubeconfig
}

/// Its own fields only: an empty value deeper inside may be meant, as in a plugin's environment.
fn without_blanks<T: Serialize + DeserializeOwned>(it: T) -> T {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(&it) else { return it };
    fields.retain(|_, value| value.as_str() != Some(""));
    serde_json::from_value(Value::Object(fields)).unwrap_or(it)
}

/// The kubeconfig that kubectl would find here.
///
/// # Errors
/// If there is none, or it can't be read.
pub(crate) fn found() -> Result<Kubeconfig, KubeconfigError> {
    as_kubectl_finds_them().map(|files| files.kubeconfig)
}

/// There is no context of that name; the nearest that is there.
pub(super) fn no_context<'a>(name: &str, there: impl IntoIterator<Item = &'a str>) -> Trouble {
    let mut trouble = trouble_of_kubeconfig(&KubeconfigError::LoadContext(name.to_owned()));
    if let Some(near) = nearest(name, there) {
        trouble.what = SafeText::new(&format!("{}; nearest: `{near}`", trouble.what));
    }
    trouble
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_that_is_not_there_is_said_with_the_nearest_that_is() {
        let said = |name: &str| no_context(name, ["prod-us", "prod-eu"]).what.to_string();
        assert_eq!(said("prd-eu"), "the kubeconfig has no context `prd-eu`; nearest: `prod-eu`");
        assert_eq!(said("staging"), "the kubeconfig has no context `staging`");
    }

    fn kubeconfig(name: &str) -> String {
        format!(
            "clusters: [{{name: {name}, cluster: {{server: 'https://{name}'}}}}]\n\
             contexts: [{{name: {name}, context: {{cluster: {name}, user: ''}}}}]\ncurrent-context: '{name}'\n"
        )
    }

    #[test]
    fn a_missing_file_of_the_list_is_left_out_and_an_empty_one_says_nothing() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("empty"), "").expect("written");
        std::fs::write(path("blank"), "apiVersion: v1\nkind: Config\ncurrent-context: ''\nclusters: null\n")
            .expect("written");
        std::fs::write(path("good"), kubeconfig("good")).expect("written");
        std::fs::write(path("later"), kubeconfig("later")).expect("written");
        let files = many(&["gone", "empty", "blank", "good", "later"].map(path)).expect("read");
        assert_eq!(files.kubeconfig.current_context.as_deref(), Some("good"), "the first that says one");
        assert_eq!(files.kubeconfig.clusters.len(), 2);
        assert_eq!(files.read.len(), 4);
        assert!(files.missing_words().is_some_and(|words| words.as_str().ends_with("gone, not there")));
        assert!(files.kubeconfig.contexts.iter().all(|it| it.context.as_ref().is_some_and(|it| it.user.is_none())));

        std::fs::write(path("broken"), "clusters: [").expect("written");
        assert!(many(&[path("good"), path("broken")]).is_err(), "what is there must be readable");
        assert!(one(&path("gone")).is_err(), "a file that the configuration names must be there");
        assert!(many(&[path("gone")]).expect("read").read.is_empty());
    }
}
