"""How well images follow their prompts: the published benchmarks' rules, the models that judge, and runs compared."""
