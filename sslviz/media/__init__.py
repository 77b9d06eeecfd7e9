"""Video, sound and pictures, in and out: the only place that knows PyAV, moviepy and soundfile."""
