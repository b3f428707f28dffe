// Bundles each widget into the Python package. A notebook keeps a copy of the bundle with every output, so Preact
// stands in for React: the same components, a tenth of the size.
import * as esbuild from 'esbuild';

const options = {
  entryPoints: [
    { in: 'src/explorer.tsx', out: 'explorer' },
    { in: '../ui/style/ui.css', out: 'explorer' }
  ],
  outdir: '../../workbench/interfaces/widgets/static',
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2020',
  alias: { react: 'preact/compat', 'react-dom/client': 'preact/compat/client' }
};

if (process.argv.includes('--watch')) {
  const context = await esbuild.context({ ...options, minify: false });
  await context.watch();
} else {
  await esbuild.build(options);
}
