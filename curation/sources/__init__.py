"""Where samples come from: LAION, COYO and JourneyDB."""

from curation.sources.coyo import Coyo as Coyo
from curation.sources.journeydb import JourneyDB as JourneyDB
from curation.sources.journeydb_images import ExtractJourneyDB as ExtractJourneyDB
from curation.sources.laion import Laion as Laion
from curation.sources.source import Source as Source
