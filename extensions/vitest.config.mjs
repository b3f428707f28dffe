import { defineConfig } from 'vitest/config';

// JupyterLab's packages import .svg as text and expect a browser that has these two.
const svgAsText = {
  name: 'svg-as-text',
  enforce: 'pre',
  load: id => (id.endsWith('.svg') ? 'export default "<svg></svg>"' : undefined)
};

export default defineConfig({
  plugins: [svgAsText],
  test: {
    environment: 'jsdom',
    include: ['*/src/**/*.spec.{ts,tsx}'],
    setupFiles: ['./vitest.setup.mjs'],
    server: { deps: { inline: [/@jupyterlab\//, /@jupyter\//, /@lumino\//, /@microsoft\//] } }
  },
  resolve: {
    alias: [
      { find: /^model-workbench-ui\/lib/, replacement: new URL('./ui/src', import.meta.url).pathname },
      { find: /^model-workbench-ui$/, replacement: new URL('./ui/src/index.ts', import.meta.url).pathname }
    ]
  }
});
