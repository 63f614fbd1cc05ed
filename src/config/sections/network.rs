//! `[network]`: what a service may reach and run though it usually refuses.

use std::path::Path;

use crate::config::kinds::*;
use crate::config::section::*;

/// `[network]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkConfig {
    /// Link-local or metadata hosts that a service may be pointed at.
    pub allow: Vec<String>,
    /// Login plugins of kubeconfigs that a service may run.
    pub exec: Vec<String>,
}

section! {
    [network] RawNetwork => NetworkConfig {
        /// Link-local or metadata addresses that a service may be pointed at though it usually refuses.
        allow: ListOf = Default(NONE);
        /// Programs that a service may run because a kubeconfig logs in with them, each with its whole path:
        /// "/usr/local/bin/aws".
        exec: ListOf<Program> = Default(NONE);
    }
}

impl SectionRules for RawNetwork {}

pub(crate) enum Program {}

impl Entries for Program {
    fn judge(entry: &Spanned<String>, make: &mut ResolveContext<'_, '_>) {
        let name = entry.get_ref();
        if !name.trim().is_empty() && !Path::new(name).is_absolute() {
            let what = format!("`exec` holds `{name}`: write the whole path of the program, from /");
            make.report.at(entry.span(), what);
        }
    }
}
