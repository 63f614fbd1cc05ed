//! Where the parts of a load balancer's traffic go, where they do not all go to one pool.

use serde::{Deserialize, Serialize};

use crate::model::SafeText;

/// One part of the traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// Which part: `WEU`, `elsewhere`, `if fastest`; empty where the share says it.
    pub of: SafeText,
    /// The name of its pool; `None` = to nobody, or it can't be told.
    pub to: Option<SafeText>,
    /// Its share in percent, where shares are what is configured.
    pub percent: Option<u32>,
}

impl Route {
    /// `eu (WEU, elsewhere), us (ENAM)`: by pool, in the order of the parts.
    pub fn words(all: &[Self]) -> String {
        const SHOWN: usize = 4;
        let mut pools: Vec<Option<&SafeText>> = Vec::new();
        for route in all {
            if !pools.contains(&route.to.as_ref()) {
                pools.push(route.to.as_ref());
            }
        }
        let of_pool = |to: &Option<&SafeText>| {
            let name = to.map_or("unknown", SafeText::as_str);
            let parts: Vec<String> = all.iter().filter(|it| it.to.as_ref() == *to).map(Self::part).collect();
            let shown = parts.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
            match parts.len().saturating_sub(SHOWN) {
                _ if shown.is_empty() => name.to_owned(),
                0 => format!("{name} ({shown})"),
                more => format!("{name} ({shown} and {more} more)"),
            }
        };
        pools.iter().map(of_pool).collect::<Vec<_>>().join(", ")
    }

    fn part(&self) -> String {
        self.percent.map_or_else(|| self.of.to_string(), |percent| format!("{percent} %"))
    }
}
